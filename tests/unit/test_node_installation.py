"""Install, repair and uninstall on the trees of images: what is changed, and that it comes back."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from provider.commands import install
from provider.errors import ConfigurationError, ProviderError
from provider.node.bundle.contents import LIBRARIES
from provider.node.bundle.source import Source
from provider.node.docker_config import with_entries
from provider.node.files import NodeError
from provider.node.installation import Planned, Wish, carry_out, plan
from provider.node.kubelet_version import parse
from provider.node.looking import drift
from provider.node.machine import Machine, open_machine
from provider.node.plan import OWN_FILE, WITHOUT_TOKENS
from provider.node.provider_file.checks import check
from provider.node.provider_file.entry import TokenAttributes
from provider.node.provider_file.merge import entry_of
from provider.node.record import NODE
from provider.node.removal import plan_removal, remove
from provider.places import DEFAULTS, PROGRAM, Places
from provider.version import VERSION
from tests.unit.fake_bundle import make
from tests.unit.tiny_program import program

if os.geteuid():
    pytest.skip("only root can give files to an owner", allow_module_level=True)

PREFIX = f"/opt/{PROGRAM}"
WISH = Wish(PREFIX, "flags", restart=True, domains=("registry.example.com",))
UNIT = """\
[Service]
EnvironmentFile=-/etc/default/kubelet
ExecStart=/usr/bin/kubelet --config=/etc/kubelet.yaml $KUBELET_EXTRA_ARGS
"""
OTHER = """\
# Somebody else's.
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: other-provider
    matchImages: ["*.example.net"]
    defaultCacheDuration: 10m
    apiVersion: credentialprovider.kubelet.k8s.io/v1
"""
JOINED = UNIT.replace(
    "$KUBELET", "--image-credential-provider-config={} --image-credential-provider-bin-dir=/srv/bin $KUBELET"
)

Tree = dict[str, tuple[int, str]]


@dataclass
class Image:
    root: Path
    source: Source
    machine: Machine

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def kubelet(self, version: str) -> None:
        place = self.root / "usr/bin/kubelet"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(program(f"Kubernetes v{version}\n"))
        place.chmod(0o755)

    def tree(self) -> Tree:
        found = {}
        for path in sorted(self.root.rglob("*")):
            content = os.readlink(path) if path.is_symlink() else ""
            if path.is_file() and not path.is_symlink():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(self.root))] = (path.lstat().st_mode, content)
        return found

    def install(self, wish: Wish = WISH) -> Planned:
        with self.machine.generations.lock():
            self.machine.generations.recover()
            planned = plan(self.machine, wish, self.source)
            carry_out(self.machine, wish, planned, self.source)
        return planned

    def repair(self) -> list[str]:
        record = self.machine.generations.record()
        assert record is not None
        wish = Wish(record.prefix, record.delivery, False, record.domains, record.token_attributes)
        with self.machine.generations.lock():
            planned = plan(self.machine, wish, self.source)
            carry_out(self.machine, wish, planned, None)
        return [change.path for change in (*planned.quiet, *planned.noticed)]

    def uninstall(self) -> list[str]:
        with self.machine.generations.lock():
            return remove(self.machine, plan_removal(self.machine), restart=True)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    root = tmp_path / "root"
    made = Image(root, make(tmp_path / "bundle", "1.0"), Machine)  # type: ignore[arg-type]
    made.kubelet("1.34.4")
    made.put("/etc/systemd/system/kubelet.service", UNIT)
    for folder in ("var/lib", "opt", "etc/tmpfiles.d", "etc/default"):
        (root / folder).mkdir(parents=True)
    made.machine = open_machine(str(root), lambda line: None)
    return made


def join_file(image: Image) -> None:
    image.put("/etc/systemd/system/kubelet.service", JOINED.format("/srv/providers.yaml"))
    image.put("/srv/providers.yaml", OTHER, 0o600)
    image.put("/srv/bin/other-provider", "#!/bin/sh\n", 0o755)


def join_directory(image: Image) -> None:
    image.put("/etc/systemd/system/kubelet.service", JOINED.format("/srv/providers"))
    image.put("/srv/providers/00-other.yaml", OTHER)
    image.put("/srv/bin/other-provider", "#!/bin/sh\n", 0o755)


def old_value(image: Image) -> None:
    image.put("/etc/default/kubelet", "# mine\nKUBELET_EXTRA_ARGS=--v=2\n", 0o640)


def first(*steps: Callable[[Image], object]) -> Callable[[Image], None]:
    """One step after the other."""

    def all_of_them(image: Image) -> None:
        for step in steps:
            step(image)

    return all_of_them


WAYS: dict[str, Callable[[Image], None]] = {
    "set": lambda image: None,
    "set, with a value": old_value,
    "joined file": join_file,
    "joined directory": join_directory,
}


@pytest.fixture(params=WAYS)
def way(image: Image, request: pytest.FixtureRequest) -> str:
    WAYS[request.param](image)
    return str(request.param)


def test_all_comes_back(image: Image, way: str) -> None:
    before = image.tree()
    planned = image.install()
    assert planned.record.mode == way.partition(",")[0].replace(" ", "-")
    flags = image.machine.detect().flags
    assert flags.config == (
        {"set": OWN_FILE, "joined-file": "/srv/providers.yaml"}.get(planned.record.mode, "/srv/providers")
    )
    assert "registry.example.com" in image.text(planned.record.provider_file)
    assert Path(f"{image.root}{planned.record.bin_dir}/{PROGRAM}").is_symlink()
    assert image.uninstall() == []
    assert image.tree() == before


def test_a_second_install_changes_nothing(image: Image, way: str) -> None:
    image.install()
    before = image.tree()
    planned = image.install()
    assert planned.is_empty
    assert image.tree() == before


def test_a_plan_touches_nothing(image: Image, way: str) -> None:
    before = image.tree()
    assert not plan(image.machine, WISH, image.source).is_empty
    assert image.tree() == before


def test_an_upgrade_and_what_was_first(image: Image, way: str, tmp_path: Path) -> None:
    before = image.tree()
    image.install()
    image.source = make(tmp_path / "next", "2.0")
    upgraded = image.install()
    assert os.readlink(f"{image.root}{PREFIX}/current") == "2.0"
    assert upgraded.noticed == []
    assert not any(change.path.startswith("/etc/default") for change in upgraded.quiet)
    assert (image.root / PREFIX[1:] / "1.0").is_dir()
    image.uninstall()
    assert image.tree() == before


def test_drift_before_any_start_goes_back_in_one_go(image: Image) -> None:
    before = image.tree()
    image.install()
    for value in ("--v=4", "--v=5"):
        image.put("/etc/default/kubelet", f"KUBELET_EXTRA_ARGS={value}\n")
        assert image.repair() == ["/etc/default/kubelet"]
    with image.machine.generations.lock():
        image.machine.generations.undo()
    image.uninstall()
    assert image.tree() == before


DRIFT: dict[str, Callable[[Image], None]] = {
    "flags overwritten": lambda image: image.put("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=--v=4\n"),
    "provider file gone": lambda image: (image.root / OWN_FILE[1:]).unlink(),
    "provider file changed": lambda image: image.put(OWN_FILE, "broken"),
    "guard gone": lambda image: next(image.root.rglob("90-*-guard.conf")).unlink(),
    "stand-in": first(
        lambda image: (image.root / PREFIX[1:] / "bin" / PROGRAM).unlink(),
        lambda image: image.put(f"{PREFIX}/bin/{PROGRAM}", "#!/bin/sh\n", 0o755),
    ),
    "unit changed": lambda image: image.put(f"/etc/systemd/system/{PROGRAM}-renew.timer", "[Timer]\n"),
}


@pytest.mark.parametrize("how", DRIFT)
def test_what_drifted_is_put_right_and_nothing_else(image: Image, how: str) -> None:
    image.install()
    well = image.tree()
    DRIFT[how](image)
    drifted = image.tree()
    assert drifted != well
    assert len(image.repair()) == 1
    assert image.repair() == []
    if how == "flags overwritten":
        text = image.text("/etc/default/kubelet").replace('"', "")
        assert text.startswith("KUBELET_EXTRA_ARGS=--v=4 --image-credential-provider-config")
    else:
        own = {path: value for path, value in image.tree().items() if not path.startswith(NODE[1:])}
        assert own == {path: value for path, value in well.items() if not path.startswith(NODE[1:])}


def test_other_peoples_later_changes_stay(image: Image) -> None:
    old_value(image)
    image.install()
    flags = image.text("/etc/default/kubelet")
    image.put("/etc/default/kubelet", flags.replace("--v=2", "--v=6") + "OTHER=1\n", 0o600)
    image.uninstall()
    assert image.text("/etc/default/kubelet").replace('"', "") == "# mine\nKUBELET_EXTRA_ARGS=--v=6\nOTHER=1\n"
    assert (image.root / "etc/default/kubelet").stat().st_mode & 0o777 == 0o600


def test_other_peoples_later_entries_stay(image: Image) -> None:
    join_file(image)
    image.install()
    text = image.text("/srv/providers.yaml")
    image.put("/srv/providers.yaml", text.replace("10m", "20m"), 0o600)
    image.uninstall()
    assert image.text("/srv/providers.yaml") == OTHER.replace("10m", "20m")


def test_without_a_record_ours_goes_too(image: Image) -> None:
    old_value(image)
    before = image.tree()
    image.install()
    remove_record(image)
    image.uninstall()
    after = image.tree()
    assert image.text("/etc/default/kubelet").replace('"', "") == "# mine\nKUBELET_EXTRA_ARGS=--v=2\n"
    assert {path for path in before.keys() ^ after.keys() if not path.endswith((".d", ".wants"))} == set()


def remove_record(image: Image) -> None:
    for path in sorted((image.root / NODE[1:]).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_without_a_record_a_joined_directory_is_left_by_us(image: Image) -> None:
    join_directory(image)
    before = image.tree()
    image.install()
    remove_record(image)
    image.uninstall()
    assert {path: value for path, value in image.tree().items() if path.startswith("srv")} == {
        path: value for path, value in before.items() if path.startswith("srv")
    }


def test_a_torn_record_is_none(image: Image) -> None:
    old_value(image)
    before = image.tree()
    image.install()
    image.put(f"{NODE}/installed/record.json", "{")
    image.install()
    image.uninstall()
    assert image.text("/etc/default/kubelet").replace('"', "") == "# mine\nKUBELET_EXTRA_ARGS=--v=2\n"
    assert {path for path in before.keys() ^ image.tree().keys() if not path.endswith((".d", ".wants"))} == set()


@pytest.mark.parametrize("join", [join_file, join_directory])
def test_what_the_kubelet_would_not_start_without_is_not_taken_away(
    image: Image, join: Callable[[Image], None]
) -> None:
    join(image)
    image.install()
    if join is join_file:
        image.put(
            "/srv/providers.yaml", image.text("/srv/providers.yaml").replace(OTHER[OTHER.index("  - name") :], "")
        )
    else:
        (image.root / "srv/providers/00-other.yaml").unlink()
    before = image.tree()
    with pytest.raises(NodeError, match=r"would not start with /srv/providers(\.yaml)? without us"):
        plan_removal(image.machine)
    assert image.tree() == before


def test_a_unit_that_changed_below_our_drop_in(image: Image) -> None:
    plain = "[Service]\nExecStart=/usr/bin/kubelet --config=/etc/kubelet.yaml{}\n"
    image.put("/etc/systemd/system/kubelet.service", plain.format(" --container-runtime=remote"))
    image.install()
    image.put("/etc/systemd/system/kubelet.service", plain.format(""))
    assert any(path.endswith("-flags.conf") for path in image.repair())
    assert "--container-runtime=remote" not in image.machine.detect().command_line
    assert image.machine.detect().flags.config == OWN_FILE
    assert image.repair() == []


def test_undoing_later_keeps_what_others_have_changed(image: Image) -> None:
    old_value(image)
    image.install()
    flags = image.text("/etc/default/kubelet")
    image.put("/etc/default/kubelet", flags.replace("--v=2", "--v=6 --new"), 0o640)
    # What the timer runs: not the installer's own undoing, which comes at once and byte for byte.
    image.machine.generations.settle()
    generation = image.machine.generations.installed()
    image.put(f"{NODE}/{generation}/unproven", "none 0\n")
    (image.root / NODE[1:] / "pending").symlink_to(generation)
    (image.root / NODE[1:] / "installed").unlink()
    with image.machine.generations.lock():
        assert image.machine.generations.recover() != ""
    assert image.text("/etc/default/kubelet").replace('"', "") == "# mine\nKUBELET_EXTRA_ARGS=--v=6 --new\n"
    assert not (image.root / OWN_FILE[1:]).exists()


def test_nothing_is_taken_away_where_flags_cannot_come_back(image: Image) -> None:
    old_value(image)
    image.install()
    before = image.tree()
    generation = image.machine.generations.pending()
    for copy in (image.root / NODE[1:] / generation / "before").iterdir():
        copy.unlink()
    with image.machine.generations.lock(), pytest.raises(NodeError, match="exit status 1"):
        image.machine.generations.undo()
    after = image.tree()
    assert {path: value for path, value in after.items() if "/before" not in path} == {
        path: value for path, value in before.items() if "/before" not in path
    }


def test_a_joined_file_instead_of_own_flags(image: Image) -> None:
    before = image.tree()
    image.install()
    join_file(image)
    image.put("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=\n")
    planned = image.install()
    assert planned.record.mode == "joined-file"
    assert not (image.root / OWN_FILE[1:]).exists()
    image.uninstall()
    assert image.text("/srv/providers.yaml") == OTHER
    assert "etc/aliyun-acr-credential-provider" not in image.tree()
    assert before.keys() <= image.tree().keys()


def test_docker_config_changes_no_flag(image: Image) -> None:
    before = image.tree()
    planned = image.install(Wish(PREFIX, "docker-config", restart=True, domains=()))
    assert planned.noticed == []
    assert not planned.restart_pending
    assert not (image.root / "etc/default/kubelet").exists()
    assert (image.root / NODE[1:] / "docker-config.json").exists()
    assert image.install(Wish(PREFIX, "docker-config", restart=True, domains=())).is_empty
    # A kubelet that runs is left alone.
    assert plan_removal(image.machine).noticed == []
    image.uninstall()
    assert image.tree() == before


def test_what_the_agent_wrote_of_the_cluster_goes_too(image: Image) -> None:
    before = image.tree()
    image.install()
    for name in ("cluster.json", ".cluster.json.new"):
        image.put(f"{os.path.dirname(Places(DEFAULTS).cluster)}/{name}", "{}")
    image.uninstall()
    assert image.tree() == before


def test_somebody_elses_docker_config_comes_back_byte_for_byte(image: Image) -> None:
    image.put("/var/lib/kubelet/config.json", '{ "auths" : {},\t"credsStore":"x"}', 0o640)
    before = image.tree()
    image.install(Wish(PREFIX, "docker-config", restart=True, domains=()))
    chosen = json.loads(image.text(f"{NODE}/docker-config.json"))
    # What the timer does.
    image.put(f"{NODE}/docker-config.json", json.dumps(chosen | {"hosts": {"r.example.com": 9}}), 0o600)
    merged = with_entries(image.text("/var/lib/kubelet/config.json").encode(), {"r.example.com": ("u", "p")}, ())
    image.put("/var/lib/kubelet/config.json", merged.decode(), 0o600)
    image.uninstall()
    assert image.tree() == before


REFUSED: dict[str, tuple[Callable[[Image], object], str]] = {
    "too old": (
        lambda image: image.kubelet("1.22.3"),
        "kubelet 1.22.3 is too old: credential providers work from 1.24",
    ),
    "no version": (lambda image: image.kubelet("of no version"), "does not tell its version"),
    "no kubelet": (
        lambda image: (image.root / "etc/systemd/system/kubelet.service").unlink(),
        "no kubelet on this node",
    ),
    "file is missing": (
        first(join_file, lambda image: (image.root / "srv/providers.yaml").unlink()),
        "/srv/providers.yaml, which the kubelet's flag --image-credential-provider-config names, is not there",
    ),
    "directory too early": (
        first(join_directory, lambda image: image.kubelet("1.33.9")),
        "/srv/providers is a directory, which kubelets read from 1.34 on; this is 1.33.9",
    ),
    "faulty neighbour": (
        first(join_file, lambda image: image.put("/srv/providers.yaml", OTHER.replace("matchImages", "matches"))),
        "would not start with /srv/providers.yaml as it is, without us",
    ),
    "neighbour's program": (
        first(join_file, lambda image: (image.root / "srv/bin/other-provider").unlink()),
        "would not start with /srv/providers.yaml as it is, without us",
    ),
    "a file that leads nowhere": (
        first(join_directory, lambda image: (image.root / "srv/providers/10-gone.yaml").symlink_to("nowhere")),
        "would not start with /srv/providers as it is, without us: /srv/providers/10-gone.yaml: ",
    ),
    "another prefix": (
        lambda image: image.install(Wish(f"/srv/{PROGRAM}", "flags", restart=True, domains=())),
        f"it is installed in /srv/{PROGRAM}: to have it in {PREFIX}, uninstall first",
    ),
    "relative": (
        lambda image: image.put("/etc/systemd/system/kubelet.service", JOINED.format("providers.yaml")),
        "is 'providers.yaml', no absolute path",
    ),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_is_said_before_anything_is_touched(image: Image, how: str) -> None:
    broken, message = REFUSED[how]
    broken(image)
    before = image.tree()
    with pytest.raises(ProviderError) as raised:
        plan(image.machine, WISH, image.source)
    assert message in str(raised.value)
    assert raised.value.exit_status == (3 if how in ("too old", "no kubelet") else 1), "3: no try can end otherwise"
    assert image.tree() == before


def test_a_change_that_fails_half_way_is_put_back(image: Image) -> None:
    before = image.tree()
    # The flags' file is the last; what is in its way comes between plan and change.
    with image.machine.generations.lock():
        planned = plan(image.machine, WISH, image.source)
        (image.root / "etc/default/kubelet").mkdir()
        with pytest.raises(NodeError, match="/etc/default/kubelet: "):
            carry_out(image.machine, WISH, planned, image.source)
    (image.root / "etc/default/kubelet").rmdir()
    left = {path for path in image.tree().keys() ^ before.keys() if "/1.0" not in path}
    assert all(path.startswith((f"var/lib/{PROGRAM}", f"opt/{PROGRAM}")) for path in left), left
    image.install()
    image.uninstall()
    assert image.tree() == before


TOKENS = TokenAttributes("sts.aliyuncs.com", False, "ServiceAccount", (), ("aliyun-acr-credential-provider/role-arn",))
WITH_TOKENS = replace(WISH, token_attributes=TOKENS)


def asked_for(image: Image, path: str = "") -> TokenAttributes | None:
    """What the provider file has, or another at a path."""
    record = image.machine.generations.record()
    assert record is not None
    entry = entry_of(image.text(path or record.provider_file).encode(), "file")
    assert entry is not None
    return entry.token_attributes


def test_tokens_and_that_all_comes_back(image: Image, way: str) -> None:
    before = image.tree()
    planned = image.install(WITH_TOKENS)
    assert planned.restart_pending
    assert asked_for(image) == TOKENS
    assert asked_for(image, WITHOUT_TOKENS) is None
    assert (image.root / WITHOUT_TOKENS[1:]).stat().st_mode & 0o777 == 0o600
    assert image.install(WITH_TOKENS).is_empty
    assert image.uninstall() == []
    assert image.tree() == before


def test_with_and_without_is_for_a_restart_and_leaves_nothing(image: Image, way: str) -> None:
    image.install()
    plain = image.tree()
    for wish in (WITH_TOKENS, WISH):
        image.machine.generations.settle()
        planned = image.install(wish)
        assert planned.restart_pending
        assert planned.record.provider_file in [change.path for change in planned.noticed]
    own = {path: value for path, value in image.tree().items() if not path.startswith(f"{NODE[1:]}/generations")}
    assert own.keys() == {path for path in plain if not path.startswith(f"{NODE[1:]}/generations")}
    assert all(own[path] == plain[path] for path in own if not path.startswith(NODE[1:]))


def test_repair_keeps_to_the_record(image: Image, way: str) -> None:
    planned = image.install(WITH_TOKENS)
    assert image.repair() == []
    record = planned.record
    text = image.text(record.provider_file)
    image.put(record.provider_file, text.replace("sts.aliyuncs.com", "other"))
    (image.root / WITHOUT_TOKENS[1:]).unlink()
    assert image.repair() == [WITHOUT_TOKENS, record.provider_file]
    assert asked_for(image) == TOKENS


def guard_script(image: Image) -> str:
    """What the guard's part for tokens says on this image, its paths led there; the whole is in test_node_guard."""
    drop_in = next(image.root.rglob("90-*-guard.conf")).read_text()
    script = drop_in[drop_in.rindex("file=") :].rpartition('"')[0]
    for written, found in (("\\n\\\n", "\n"), ('\\"', '"'), ("\\\\", "\\"), ("$$", "$"), ("%%", "%")):
        script = script.replace(written, found)
    for place in ("/etc/aliyun", "/var/lib/aliyun", "/opt/aliyun", "/srv/", "/usr/bin/kubelet"):
        script = script.replace(place, f"{image.root}{place}")
    lead = 'limit=; say() { echo "$*" >&2; }\n'
    done = subprocess.run(["sh", "-c", lead + script], capture_output=True, text=True, timeout=30, check=True)
    return done.stderr


@pytest.mark.parametrize("join", [lambda image: None, join_file])
def test_a_kubelet_that_is_downgraded_later(image: Image, join: Callable[[Image], None]) -> None:
    before = image.tree()
    join(image)
    image.install(WITH_TOKENS)
    assert guard_script(image) == ""
    assert asked_for(image) == TOKENS
    image.kubelet("1.33.9")
    record = image.machine.generations.record()
    assert record is not None
    old = parse("1.33.9")
    assert old is not None
    assert check(image.text(record.provider_file).encode(), "file", old) != []
    assert "tokenAttributes are out of" in guard_script(image)
    assert check(image.text(record.provider_file).encode(), "file", old) == []
    assert asked_for(image) is None
    # What the guard did is no drift, and repair leaves it so.
    assert dict(drift(image.machine.tree, record)) == {}
    assert image.repair() == []
    # Back again, they are too.
    image.kubelet("1.35.1")
    assert image.repair() == [record.provider_file]
    assert asked_for(image) == TOKENS
    image.kubelet("1.32.1")
    guard_script(image)
    image.uninstall()
    if join is join_file:
        assert image.text("/srv/providers.yaml") == OTHER
    else:
        assert image.tree() == before | {"usr/bin/kubelet": image.tree()["usr/bin/kubelet"]}


def test_repair_alone_takes_them_out_for_an_older_kubelet(image: Image, way: str) -> None:
    record = image.install(WITH_TOKENS).record
    if way == "joined directory":
        image.put("/etc/kubelet.yaml", "featureGates: {AllBeta: false}\n")
    else:
        image.kubelet("1.33.9")
    assert image.repair() == [record.provider_file]
    assert asked_for(image) is None
    again = image.machine.generations.record()
    assert again is not None
    assert again.token_attributes == TOKENS


def test_what_others_change_in_a_joined_file_is_in_the_guards_copy_too(image: Image) -> None:
    join_file(image)
    image.install(WITH_TOKENS)
    image.machine.generations.settle()
    image.put("/srv/providers.yaml", image.text("/srv/providers.yaml").replace("10m", "20m"), 0o600)
    assert image.repair() == [WITHOUT_TOKENS]
    assert "20m" in image.text(WITHOUT_TOKENS)
    assert not image.machine.generations.is_unproven()


def test_delivery_without_flags_has_no_tokens(image: Image) -> None:
    image.install(WITH_TOKENS)
    planned = image.install(Wish(PREFIX, "docker-config", restart=True, domains=(), token_attributes=TOKENS))
    assert planned.record.token_attributes is None
    assert not (image.root / WITHOUT_TOKENS[1:]).exists()


CONFIGURATION = f"/etc/{PROGRAM}/config.yaml"


@pytest.fixture
def command(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`install` on the image, of a bundle that was unpacked; returns what it says."""
    bundle = make(tmp_path / "unpacked", VERSION)
    monkeypatch.setattr(sys, "_MEIPASS", f"{bundle.folder}/{LIBRARIES}", raising=False)

    def run(*arguments: str) -> str:
        stderr = io.StringIO()
        options = ["--root", str(image.root), *arguments]
        assert install.run(options, io.StringIO(), io.StringIO(), stderr) == 0
        return stderr.getvalue()

    return run


@pytest.mark.parametrize(
    ("configuration", "version", "words"),
    [
        ("scope: node", "1.34.4", ()),
        ("service-account-roles: optional", "1.34.4", ("an image cannot ask", "pods pull with the node's identity")),
        ("scope: configured", "1.34.4", ("an image cannot ask", "nothing is pulled with us (scope: configured)")),
        (
            "service-account-roles: required\ncompat-secrets: 'off'", "1.33.9",
            ("kubelet 1.33.9 does not know them", "nothing is pulled with us (service-account-roles: required)"),
        ),
    ],
)  # fmt: skip
def test_an_image_is_installed_without_and_says_so(
    image: Image, command: Callable[..., str], configuration: str, version: str, words: tuple[str, ...]
) -> None:
    image.kubelet(version)
    image.put(CONFIGURATION, configuration, 0o600)
    said = command()
    assert asked_for(image) is None
    warnings = [line for line in said.splitlines() if "warning: " in line]
    assert len(warnings) == bool(words)
    for word in words:
        assert word in warnings[0]
    assert not words or ", then run install again; " in warnings[0]


@pytest.mark.parametrize("needs", ["service-account-roles: required", "scope: configured"])
def test_one_login_for_all_pods_is_refused_where_pods_differ(
    image: Image, command: Callable[..., str], needs: str
) -> None:
    image.put(CONFIGURATION, f"{needs}\ncompat-secrets: 'off'", 0o600)
    before = image.tree()
    with pytest.raises(ConfigurationError, match=f"{needs} in .* forbids that: use --delivery flags"):
        command("--delivery", "docker-config")
    assert {path: value for path, value in image.tree().items() if path in before} == before
    assert image.machine.generations.record() is None
    image.put(CONFIGURATION, "service-account-roles: optional", 0o600)
    assert "warning: pods have no roles of their own with --delivery docker-config" in command(
        "--delivery", "docker-config"
    )
