"""Detection on nodes as they are in the field."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from provider.node.detect.detect import detect
from provider.node.detect.found import Flags, Found, NoKubelet, NotUnderstood
from provider.node.files import NodeError, Tree
from provider.node.kubelet_version import Version
from tests.unit.node_unit_sets import ETC, K3S_SERVICE, KUBELET_SERVICE, LIB, RKE2_SERVICE, SETS, lay

EKS = Flags("/etc/eks/image-credential-provider/config.json", "/etc/eks/image-credential-provider")


def no_version(command: Sequence[str]) -> str:
    raise NodeError(f"{command[0]}: cannot be started")


def found_in(tree: Tree) -> Found:
    return detect(tree, run=no_version)


def kubelet(folder: Path, arguments: str, **files: str) -> Found:
    """What is found of a unit whose ExecStart is a kubelet with some arguments."""
    unit = f"[Service]\nExecStart=/usr/bin/kubelet {arguments}\n"
    return found_in(lay(folder, {f"{ETC}/kubelet.service": unit, **files}))


@pytest.mark.parametrize("name", SETS)
def test_a_node(name: str, tmp_path: Path) -> None:
    given = SETS[name]
    found = found_in(given.laid(tmp_path))
    assert found.command_line == given.command_line
    assert (found.unit, found.system, found.executable) == (given.unit, given.system, given.executable)
    assert found.flags == (EKS if "EKS" in name else Flags())
    assert (found.process, found.live, found.version) == (None, None, None)


@pytest.mark.parametrize(
    ("files", "links", "said"),
    [
        ({}, {}, "no kubelet on this node: there is no kubelet.service"),
        ({}, {f"{ETC}/kubelet.service": "/dev/null"}, "no kubelet on this node: kubelet.service is masked"),
        (
            {f"{LIB}/kubelet.service": KUBELET_SERVICE, f"{ETC}/kubelet.service": ""},
            {},
            "no kubelet on this node: kubelet.service is masked",
        ),
        ({f"{ETC}/kubelet@.service": KUBELET_SERVICE}, {}, "no kubelet on this node"),
    ],
)
def test_no_kubelet(files: dict[str, str], links: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(NoKubelet, match=said) as raised:
        found_in(lay(tmp_path, files, links))
    assert raised.value.exit_status == 3, "agent place lets the node be"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {f"{ETC}/kubelet.service": KUBELET_SERVICE, f"{ETC}/k3s.service": "[Service]\nExecStart=/bin/k3s server\n"},
            "k3s.service and kubelet.service each start a kubelet",
        ),
        (
            {f"{ETC}/{name}.service": "[Service]\nExecStart=/bin/kubelet\n" for name in ("one", "two")},
            "one.service and two.service each start a kubelet",
        ),
        ({f"{ETC}/kubelet.service": "[Service]\nRestart=always\n"}, "has 0 ExecStart= in force"),
        (
            {f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/kubelet --a\nExecStart=/bin/kubelet\n"},
            "has 2 ExecStart= in force",
        ),
        ({f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/kubelet 'a\n"}, "not one whole command"),
        ({f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/kubelet ; /bin/b\n"}, "not one whole command"),
        ({f"{ETC}/kubelet.service": "[Service]\nExecStart=-\n"}, "not one whole command"),
        ({f"{ETC}/kubelet.service": "[Service]\nExecStart=@/bin/kubelet\n"}, "not one whole command"),
        ({f"{ETC}/kubelet.service": "[Service]\nExecStart=|/bin/kubelet\n"}, "runs through a shell"),
        (
            {f"{ETC}/kubelet.service": "[Service]\nExecStart=/bin/kubelet\nRootDirectory=/srv\n"},
            "runs in a root of its own",
        ),
        (
            {
                f"{ETC}/rke2-agent.service": RKE2_SERVICE.format(duty="agent"),
                "/etc/rancher/rke2/config.yaml": "token: hidden: secret\n",
            },
            "/etc/rancher/rke2/config.yaml: is no YAML",
        ),
        (
            {
                f"{ETC}/rke2-agent.service": RKE2_SERVICE.format(duty="agent"),
                "/etc/rancher/rke2/config.yaml": "- secret\n",
            },
            "/etc/rancher/rke2/config.yaml: is no mapping",
        ),
    ],
)
def test_not_understood(files: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood, match=said) as caught:
        found_in(lay(tmp_path, files))
    assert "secret" not in str(caught.value)


def test_of_two_units_the_enabled_one(tmp_path: Path) -> None:
    files = {f"{ETC}/{name}.service": f"[Service]\nExecStart=/bin/kubelet --{name}\n" for name in ("one", "two")}
    tree = lay(tmp_path, files, {f"{ETC}/multi-user.target.wants/two.service": f"{ETC}/two.service"})
    assert found_in(tree).unit == "two.service"


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        ("--image-credential-provider-config=/a --image-credential-provider-bin-dir=/b", Flags("/a", "/b")),
        ("--image-credential-provider-config /a --image-credential-provider-bin-dir /b", Flags("/a", "/b")),
        ("--image_credential_provider_config=/a --v=1", Flags("/a", "")),
        (
            "--image-credential-provider-config=/a --image-credential-provider-bin-dir=/b "
            "--image-credential-provider-config /c",
            Flags("/c", "/b"),
        ),
        ("--v=1 -- --image-credential-provider-config=/a", Flags()),
        ("image-credential-provider-config=/a --image-credential-provider-bin-dir", Flags()),
    ],
)
def test_flags(arguments: str, flags: Flags, tmp_path: Path) -> None:
    assert kubelet(tmp_path, arguments).flags == flags


HEALTH = "http://127.0.0.1:10248/healthz"


@pytest.mark.parametrize(
    ("arguments", "config", "url"),
    [
        ("", "", HEALTH),
        ("--healthz-port=0", "healthzPort: 10249\n", ""),
        ("", "healthzPort: 0\n", ""),
        ("", "healthzPort: null\n", HEALTH),
        ("", "healthzPort: 10300\nhealthzBindAddress: 10.0.0.7\n", "http://10.0.0.7:10300/healthz"),
        ("", '{"healthzPort": 10300}', "http://127.0.0.1:10300/healthz"),
        ("--healthz-port 10301 --healthz-bind-address=0.0.0.0", "", "http://127.0.0.1:10301/healthz"),
        ("--healthz-bind-address=::", "", "http://[::1]:10248/healthz"),
        ("--healthz-bind-address=fd00::1", "", "http://[fd00::1]:10248/healthz"),
        ("--healthz-port=many", "", HEALTH),
        ("", "- a list\n", HEALTH),
        ("", "a: b: c\n", HEALTH),
    ],
)
def test_health(arguments: str, config: str, url: str, tmp_path: Path) -> None:
    found = kubelet(tmp_path, f"--config=/etc/kubelet.yaml {arguments}", **{"/etc/kubelet.yaml": config})
    assert found.health_url == url


def test_drop_ins_of_the_kubelets_configuration(tmp_path: Path) -> None:
    found = kubelet(
        tmp_path,
        "--config=/etc/kubelet.yaml --config-dir=/etc/kubelet.d",
        **{
            "/etc/kubelet.yaml": "healthzPort: 1\nhealthzBindAddress: 10.0.0.1\n",
            "/etc/kubelet.d/20/a.conf": "healthzPort: 3\n",
            "/etc/kubelet.d/10.conf": "healthzPort: 2\n",
            "/etc/kubelet.d/30.yaml": "healthzPort: 4\n",
        },
    )
    assert found.health_url == "http://10.0.0.1:3/healthz"


def test_root_and_kubeconfig(tmp_path: Path) -> None:
    found = kubelet(tmp_path / "one", "--root-dir=/data/kubelet --kubeconfig /etc/kubelet.conf")
    assert (found.root_dir, found.kubeconfig) == ("/data/kubelet", "/etc/kubelet.conf")
    found = kubelet(tmp_path / "two", "")
    assert (found.root_dir, found.kubeconfig) == ("/var/lib/kubelet", "")
    found = found_in(SETS["k3s agent"].laid(tmp_path / "three"))
    assert (found.root_dir, found.kubeconfig) == ("/data", "/srv/other/agent/kubelet.kubeconfig")
    assert found.health_url == "http://127.0.0.1:10350/healthz"
    found = found_in(SETS["RKE2, of whose units one is enabled"].laid(tmp_path / "four"))
    assert (found.root_dir, found.kubeconfig) == (
        "/var/lib/kubelet",
        "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    )


OF_K3S = "/var/lib/rancher/credentialprovider"
KEYS = "image-credential-provider-config: /a/file\nimage-credential-provider-bin-dir: /a/bin\n"


@pytest.mark.parametrize(
    ("files", "flags"),
    [
        ({f"{OF_K3S}/config.yaml": "x", f"{OF_K3S}/bin/other": "x"}, Flags(f"{OF_K3S}/config.yaml", f"{OF_K3S}/bin")),
        ({f"{OF_K3S}/config.yaml": "x"}, Flags()),
        ({f"{OF_K3S}/config.yaml/a.yaml": "x", f"{OF_K3S}/bin/other": "x"}, Flags()),
        ({"/etc/rancher/k3s/config.yaml": KEYS, "/a/file": "x", "/a/bin/other": "x"}, Flags("/a/file", "/a/bin")),
        ({"/etc/rancher/k3s/config.yaml": KEYS, "/a/bin/other": "x"}, Flags()),
        (
            {
                "/etc/rancher/k3s/config.yaml": KEYS,
                "/etc/rancher/k3s/config.yaml.d/50.yaml": "image-credential-provider-config: /b/file\n",
                "/a/file": "x",
                "/b/file": "x",
                "/a/bin/other": "x",
            },
            Flags("/b/file", "/a/bin"),
        ),
        (
            {
                "/etc/rancher/k3s/config.yaml": "kubelet-arg:\n- image-credential-provider-config=/c/file\n"
                "- image-credential-provider-bin-dir=/c/bin\n",
                f"{OF_K3S}/config.yaml": "x",
                f"{OF_K3S}/bin/other": "x",
            },
            Flags("/c/file", "/c/bin"),
        ),
    ],
)
def test_flags_of_k3s(files: dict[str, str], flags: Flags, tmp_path: Path) -> None:
    unit = K3S_SERVICE.format(unit="k3s.service", duty="server", arguments="")
    assert found_in(lay(tmp_path, {f"{ETC}/k3s.service": unit, **files})).flags == flags


def test_the_version_is_asked_of_what_the_next_start_runs(tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{ETC}/kubelet.service": KUBELET_SERVICE}, {"/usr/bin/kubelet": "../../opt/kubelet"})
    lay(tmp_path, {}, executable="/opt/kubelet")
    asked: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> str:
        asked.append(command)
        return "Kubernetes v1.34.4\n"

    assert detect(tree, run=run).version == Version(1, 34, 4)
    assert asked == [[f"{tmp_path}/opt/kubelet", "--version"]]


@pytest.mark.parametrize(
    "error",
    [OSError("no"), NodeError("no"), subprocess.TimeoutExpired("kubelet", 5), UnicodeDecodeError("a", b"", 0, 1, "")],
)
def test_a_kubelet_that_does_not_tell_its_version(error: Exception, tmp_path: Path) -> None:
    def run(command: Sequence[str]) -> str:
        raise error

    assert detect(SETS["ACK"].laid(tmp_path), run=run).version is None


@pytest.mark.parametrize("line", ["/opt/start.sh --x", "/usr/bin/kubelet --x", "/bin/sh -c 'exec kubelet $ARGS'"])
def test_a_script_is_not_asked_for_a_version(line: str, tmp_path: Path) -> None:
    script = "#!/bin/sh\nexec /opt/kubelet $ARGS\n"
    files = {f"{ETC}/kubelet.service": f"[Service]\nExecStart={line}\n", "/usr/bin/kubelet": script}
    tree = lay(tmp_path, {**files, "/opt/start.sh": script})

    def run(command: Sequence[str]) -> str:
        raise AssertionError(f"{command} was run")

    found = detect(tree, run=run)
    assert (found.flags, found.command_line, found.version) == (Flags(), (), None)
