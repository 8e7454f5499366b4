"""Where the two flags go on nodes as they are in the field, and what stays as it was."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from provider.node.detect.detect import detect
from provider.node.detect.flag_places import DROP_IN, K3S_FILE, flag_changes, without_flags
from provider.node.detect.found import Flags, Found, NotUnderstood
from provider.node.files import Change, File, Tree
from tests.unit.node_unit_sets import ETC, K3S_SERVICE, KUBELET_SERVICE, LIB, SETS, lay
from tests.unit.test_node_detect import no_version

FLAGS = Flags("/etc/aliyun/providers.yaml", "/opt/aliyun/bin")
CONFIG, BIN_DIR = (
    f"--image-credential-provider-config={FLAGS.config}",
    (f"--image-credential-provider-bin-dir={FLAGS.bin_dir}"),
)
WORDS = f"{CONFIG} {BIN_DIR}"
OWN = f"{ETC}/kubelet.service.d/{DROP_IN}"


def found_in(tree: Tree) -> Found:
    return detect(tree, run=no_version)


def changes_of(tree: Tree) -> list[Change]:
    return flag_changes(tree, found_in(tree), FLAGS)


def make(tree: Tree, changes: list[Change]) -> None:
    for change in changes:
        assert tree.state(change.path) == change.before
        Path(tree.at(change.path)).parent.mkdir(parents=True, exist_ok=True)
        tree.put(change.path, change.after)


def only_change(tree: Tree) -> tuple[str, str]:
    """The one change's path and what is then in the file, our own comments left out."""
    (change,) = changes_of(tree)
    assert isinstance(change.after, File)
    text = change.after.content.decode()
    is_own = change.path.endswith((DROP_IN, K3S_FILE))
    return change.path, "".join(
        line for line in text.splitlines(keepends=True) if not (is_own and line.startswith("#"))
    )


PLACES: Mapping[str, tuple[str, str]] = {
    "ACK": ("/etc/kubernetes/kubelet-customized-args.conf", f'KUBELET_CUSTOMIZED_ARGS="{WORDS}"\n'),
    "ACK with customized arguments": (
        "/etc/kubernetes/kubelet-customized-args.conf",
        f'KUBELET_CUSTOMIZED_ARGS="--kube-api-qps=50 {WORDS}"\n',
    ),
    "kubeadm on Debian": ("/etc/default/kubelet", f'KUBELET_EXTRA_ARGS="{WORDS}"\n'),
    "kubeadm from RPM": ("/etc/sysconfig/kubelet", f'KUBELET_EXTRA_ARGS="{WORDS}"\n'),
    "extra arguments in a drop-in": (
        f"{ETC}/kubelet.service.d/20-extra.conf",
        f'[Service]\nEnvironment="A=1" "KUBELET_EXTRA_ARGS=--v=2 --node-ip=:: {WORDS}" B=2\n',
    ),
    "extra arguments in a packaged drop-in": (
        OWN,
        f'[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--node-labels=a=b%% {WORDS}"\n',
    ),
    "everything in ExecStart": (
        OWN,
        "[Service]\nExecStart=\nExecStart=/usr/local/bin/kubelet    --config=/etc/kubelet.yaml  "
        f"  --node-labels='a=b,c=d'    --kubeconfig \"/etc/kube config\" {WORDS}\n",
    ),
    "CRLF, and no newline at the end": ("/etc/default/kubelet", f'A=1\r\nKUBELET_EXTRA_ARGS="--v=3 {WORDS}"'),
    "values in quotes of both kinds": (
        "/etc/default/kubelet",
        f"OTHER=one two  \nKUBELET_EXTRA_ARGS='--node-labels=\"x y\" --v=2'  # for 'later' {WORDS}\n",
    ),
    "prefixes and another first argument": (
        OWN,
        f"[Service]\nExecStart=\nExecStart=-+@/usr/bin/kubelet kubelet-of-%p --name=%n {WORDS}\n",
    ),
    "no variables with a colon": (OWN, f"[Service]\nExecStart=\nExecStart=:/usr/bin/kubelet $A ${{B}} {WORDS}\n"),
    "a program without a folder": (OWN, f"[Service]\nExecStart=\nExecStart=kubelet --v=2 {WORDS}\n"),
    "a unit of another name": (
        f"{ETC}/node-agent.service.d/{DROP_IN}",
        f"[Service]\nExecStart=\nExecStart=/opt/bin/kubelet --v=2 {WORDS}\n",
    ),
    "resets, files that mask others, and order": (
        OWN,
        "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --a=${A} --b=${B} --c=${C} --d=${D} ${E} " + WORDS + "\n",
    ),
    "files of variables: order, patterns, and what is no assignment": (
        OWN,
        "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet ${A} ${B} ${C} ${D} ${E} ${F} " + WORDS + "\n",
    ),
    "k3s server": (
        f"/etc/rancher/k3s/config.yaml.d/{K3S_FILE}",
        f"image-credential-provider-config: {FLAGS.config}\nimage-credential-provider-bin-dir: {FLAGS.bin_dir}\n",
    ),
    "k3s agent": (
        f"/etc/rancher/k3s/config.yaml.d/{K3S_FILE}",
        f"image-credential-provider-config: {FLAGS.config}\nimage-credential-provider-bin-dir: {FLAGS.bin_dir}\n",
    ),
    "RKE2, of whose units one is enabled": (
        f"/etc/rke2.yaml.d/{K3S_FILE}",
        f"image-credential-provider-config: {FLAGS.config}\nimage-credential-provider-bin-dir: {FLAGS.bin_dir}\n",
    ),
    "an alias": (
        f"{ETC}/node-kubelet.service.d/{DROP_IN}",
        "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet ${A}${B}${C} " + WORDS + "\n",
    ),
}


def test_all_nodes_but_one_get_the_flags() -> None:
    assert SETS.keys() - PLACES.keys() == {"the flags are set, as on EKS"}


@pytest.mark.parametrize("name", PLACES)
def test_the_place(name: str, tmp_path: Path) -> None:
    assert only_change(SETS[name].laid(tmp_path)) == PLACES[name]


@pytest.mark.parametrize("name", PLACES)
def test_the_next_start_has_the_flags_and_all_others(name: str, tmp_path: Path) -> None:
    given = SETS[name]
    tree = given.laid(tmp_path)
    changes = changes_of(tree)
    make(tree, changes)
    lay(tmp_path, {FLAGS.config: "x", f"{FLAGS.bin_dir}/program": "x"})
    found = found_in(tree)
    assert found.flags == FLAGS
    assert tuple(word for word in found.command_line if word not in (CONFIG, BIN_DIR)) == given.command_line
    assert flag_changes(tree, found, FLAGS) == []
    # And out again.
    (change,) = changes
    assert isinstance(change.after, File)
    tree.put(change.path, replace(change.after, content=without_flags(change.path, change.after.content, FLAGS)))
    found = found_in(tree)
    assert (found.flags, found.command_line) == (Flags(), given.command_line)


EXTRA = "[Service]\nEnvironmentFile=-/etc/default/kubelet\nExecStart=/usr/bin/kubelet $KUBELET_EXTRA_ARGS\n"
ENVIRONMENT = "[Service]\nExecStart=/usr/bin/kubelet $KUBELET_EXTRA_ARGS\n"


@pytest.mark.parametrize("path", [f"{LIB}/kubelet.service.d/10.conf", "/run/systemd/system/kubelet.service.d/10.conf"])
def test_a_setting_elsewhere_is_repeated_in_our_own_drop_in(path: str, tmp_path: Path) -> None:
    value = 'Environment=KUBELET_EXTRA_ARGS=--v=1 "B=2"'
    files = {f"{LIB}/kubelet.service": ENVIRONMENT, path: f"[Service]\n{value}\n"}
    assert only_change(lay(tmp_path, files)) == (OWN, f'[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--v=1 {WORDS}"\n')


def test_a_variable_that_is_nowhere(tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{LIB}/kubelet.service": ENVIRONMENT})
    assert only_change(tree) == (OWN, f'[Service]\nEnvironment="KUBELET_EXTRA_ARGS={WORDS}"\n')


@pytest.mark.parametrize(
    ("line", "files", "path"),
    [
        # A mixed quoting leaves no place for words.
        ("Environment=KUBELET_EXTRA_ARGS='--v=1'--a\nExecStart=kubelet $KUBELET_EXTRA_ARGS", {}, OWN),
        # What a later drop-in sets again cannot be set before it.
        (
            "ExecStart=kubelet $KUBELET_EXTRA_ARGS --a",
            {"/run/systemd/system/kubelet.service.d/99.conf": "[Service]\nEnvironment=KUBELET_EXTRA_ARGS=--v=1\n"},
            OWN,
        ),
        # Braces make one word of it.
        ("Environment=KUBELET_EXTRA_ARGS=--v=1\nExecStart=kubelet ${KUBELET_EXTRA_ARGS}", {}, OWN),
        # It stands where a flag's value is.
        ("Environment=KUBELET_EXTRA_ARGS=--v\nExecStart=kubelet $KUBELET_EXTRA_ARGS 1 --a", {}, OWN),
        # Twice the variable, twice the flags.
        ("Environment=KUBELET_EXTRA_ARGS=--a\nExecStart=kubelet $KUBELET_EXTRA_ARGS --b $KUBELET_EXTRA_ARGS", {}, OWN),
        # kubeadm writes this file anew.
        (
            "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nExecStart=kubelet $KUBELET_KUBEADM_ARGS",
            {"/var/lib/kubelet/kubeadm-flags.env": "KUBELET_KUBEADM_ARGS=--v=1\n"},
            OWN,
        ),
        # Without a file that must be there the unit does not start at all: it is not for us to make it.
        ("EnvironmentFile=/etc/default/kubelet\nExecStart=kubelet $KUBELET_EXTRA_ARGS", {}, OWN),
        # A package's file.
        (
            "EnvironmentFile=-/usr/share/kubelet.env\nExecStart=kubelet $KUBELET_EXTRA_ARGS",
            {"/usr/share/kubelet.env": "KUBELET_EXTRA_ARGS=--v=1\n"},
            OWN,
        ),
        # The administrator's, outside of /etc.
        (
            "EnvironmentFile=-/srv/kubelet.env\nExecStart=kubelet $KUBELET_EXTRA_ARGS",
            {"/srv/kubelet.env": "KUBELET_EXTRA_ARGS=--v=1\n"},
            "/srv/kubelet.env",
        ),
        # Another variable of a file in /etc.
        (
            "EnvironmentFile=-/etc/kubernetes/kubelet.env\nExecStart=kubelet $A $KUBELET_ARGS",
            {"/etc/kubernetes/kubelet.env": "KUBELET_ARGS=--v=1\n"},
            "/etc/kubernetes/kubelet.env",
        ),
        # ACK's file is for ACK's variable, the other for the other.
        (
            "EnvironmentFile=-/etc/default/kubelet\nEnvironmentFile=-/etc/kubernetes/kubelet-customized-args.conf\n"
            "ExecStart=kubelet $KUBELET_EXTRA_ARGS",
            {},
            "/etc/default/kubelet",
        ),
        (
            "EnvironmentFile=-/etc/kubernetes/kubelet-customized-args.conf\nEnvironmentFile=-/etc/default/kubelet\n"
            "ExecStart=kubelet $KUBELET_EXTRA_ARGS $KUBELET_CUSTOMIZED_ARGS",
            {"/etc/default/kubelet": "KUBELET_EXTRA_ARGS=--v=1"},
            "/etc/kubernetes/kubelet-customized-args.conf",
        ),
    ],
)
def test_which_place(line: str, files: dict[str, str], path: str, tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{ETC}/kubelet.service": f"[Service]\n{line}\n", **files})
    before = found_in(tree).command_line
    (change,) = changes_of(tree)
    assert change.path == path
    make(tree, [change])
    after = found_in(tree).command_line
    assert (sorted(after), found_in(tree).flags) == (sorted((*before, CONFIG, BIN_DIR)), FLAGS)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {f"{ETC}/kubelet.service": "[Service]\nExecStart=/opt/start-kubelet --now\n"},
            "runs /opt/start-kubelet, which starts the kubelet in its own way: where that gives it "
            "--image-credential-provider-config=FILE",
        ),
        (
            {f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/sh -c 'exec kubelet $KUBELET_EXTRA_ARGS'\n"},
            "runs /bin/sh, which",
        ),
        (
            {f"{ETC}/kubelet.service": KUBELET_SERVICE, "/usr/bin/kubelet": "#!/bin/sh\nexec hyperkube kubelet\n"},
            "runs /usr/bin/kubelet, which",
        ),
        (
            {f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/kubelet --image-credential-provider-config=/a\n"},
            r"has other flags already \(--image-credential-provider-config=/a\)",
        ),
        (
            {
                f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/kubelet --image-credential-provider-config=/a "
                "--image-credential-provider-bin-dir /b\n"
            },
            r"has other flags already \(--image-credential-provider-config=/a --image-credential-provider-bin-dir=/b\)",
        ),
        (
            {
                f"{ETC}/kubelet.service": KUBELET_SERVICE,
                f"{ETC}/kubelet.service.d/90-own.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --a\n",
            },
            f"no place is found where kubelet.service .*{DROP_IN} would not do",
        ),
        (
            {f"{ETC}/kubelet.service": "[Service]\nExecStart=/usr/bin/kubelet -- --a\n"},
            "no place is found",
        ),
        (
            {
                f"{ETC}/k3s.service": K3S_SERVICE.format(unit="k3s.service", duty="server", arguments=""),
                "/etc/rancher/k3s/config.yaml": "image-credential-provider-config: /a/file\n",
            },
            "the configuration of k3s.service names --image-credential-provider-config=/a/file, which is not there",
        ),
        (
            {
                f"{ETC}/k3s.service": K3S_SERVICE.format(unit="k3s.service", duty="server", arguments=""),
                "/etc/rancher/k3s/config.yaml": "kubelet-arg: image-credential-provider-config=/a/file\n",
            },
            "has other flags already",
        ),
        (
            {
                f"{ETC}/k3s.service": "[Service]\nExecStart=/bin/k3s agent -c https://example.test/config.yaml\n",
            },
            "takes its configuration from 'https://example.test/config.yaml'",
        ),
    ],
)
def test_refused(files: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood, match=said):
        changes_of(lay(tmp_path, files))


@pytest.mark.parametrize("path", ["", "relative", "/with space", "/with%n", "/with$A", "/with'", "/a\n", "/a:b #"])
def test_a_value_that_would_need_quotes_is_refused(path: str, tmp_path: Path) -> None:
    tree = SETS["ACK"].laid(tmp_path)
    for flags in (Flags(path, "/bin"), Flags("/file", path)):
        with pytest.raises(NotUnderstood, match="cannot be a value of the kubelet's flags"):
            flag_changes(tree, found_in(tree), flags)


def test_what_an_earlier_install_left_is_replaced(tmp_path: Path) -> None:
    stale = "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --old --image-credential-provider-config=/gone\n"
    tree = lay(tmp_path, {f"{ETC}/kubelet.service": ENVIRONMENT.replace("=/", "=@/").replace("kubelet ", "kubelet k ")})
    lay(tmp_path, {OWN: stale, f"{ETC}/kubelet.service.d/85.conf": "[Service]\nExecStart=\nExecStart=kubelet --new\n"})
    found = replace(found_in(tree), flags=Flags())
    with pytest.raises(NotUnderstood, match="would not do"):
        flag_changes(tree, found, FLAGS)
    tree.put(f"{ETC}/kubelet.service.d/85.conf", None)
    lay(tmp_path, {"/etc/default/kubelet": "", f"{ETC}/kubelet.service.d/70.conf": EXTRA.replace("ExecStart=", "X=")})
    edit, removal = flag_changes(tree, found, FLAGS)
    assert edit.path == "/etc/default/kubelet"
    assert (removal.path, removal.after) == (OWN, None)
    make(tree, [edit, removal])
    assert found_in(tree).command_line == ("k", CONFIG, BIN_DIR)
