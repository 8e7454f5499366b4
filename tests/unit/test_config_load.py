"""The two files of a node: absent, right, wrong, and not to be believed."""

import os
from pathlib import Path

import pytest

from provider.config import load as loading
from provider.config.load import Loaded, load
from provider.config.values import Configuration, Endpoints, Local
from provider.errors import ConfigurationError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return _write(tmp_path / "config.yaml", "watch-namespace: team\n")


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return _write(tmp_path / "local.yaml", "endpoints: {sts: sts.example.com}\n")


def _write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def _refusal(config: Path, local: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(str(config), str(local))
    assert caught.value.exit_status == 2
    return str(caught.value).split("\n")


def test_missing_files_mean_defaults(tmp_path: Path, config: Path) -> None:
    assert load(str(tmp_path / "a"), str(tmp_path / "no" / "b")) == Loaded()
    assert load(str(config / "below-a-file"), "").configuration == Configuration()


def test_both_files(config: Path, local: Path) -> None:
    loaded = load(str(config), str(local))
    assert loaded.configuration == Configuration(watch_namespaces=("team",))
    assert loaded.local == Local(Endpoints(sts="sts.example.com"))
    assert (loaded.unknown, loaded.warnings, loaded.lines) == ((), (), {"watch-namespace": 1})


def test_unknown_keys_of_both_files_are_told_and_no_reason_to_stop(config: Path, local: Path) -> None:
    _write(config, "scop: node\nwatch-namespace: team\n")
    _write(local, "cafile: /x\n")
    loaded = load(str(config), str(local))
    assert loaded.configuration.watch_namespaces == ("team",)
    assert [str(finding) for finding in loaded.unknown] == [
        f"{config}:1: scop: is no key that we know; the nearest is scope",
        f"{local}:1: cafile: is no key that we know; the nearest is ca-file",
    ]


def test_all_that_is_wrong_with_both_files_is_told_at_once(config: Path, local: Path) -> None:
    _write(config, "scop: x\ndiscovery: maybe\nscope: x\n")
    _write(local, "ca-file: x\n")
    assert _refusal(config, local) == [
        f"{config}:2: discovery: is neither on nor off; right form: true, false, on or off",
        f"{config}:3: scope: is none of the values that this key has; right form: node or configured",
        f"{local}:1: ca-file: must be the absolute path of a file; right form: /etc/pki/tls/certs/private-cloud.pem",
    ]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_files_that_others_may_write_are_refused(mode: int, config: Path, local: Path) -> None:
    config.chmod(mode)
    local.chmod(mode)
    assert _refusal(config, local) == [
        f"{path}: may be written by other users; right form: mode 0600" for path in (config, local)
    ]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    directory, pipe = tmp_path / "directory", tmp_path / "pipe"
    directory.mkdir()
    os.mkfifo(pipe, 0o600)
    assert _refusal(directory, pipe) == [f"{directory}: is no regular file", f"{pipe}: is no regular file"]


def test_a_link_is_followed_and_its_target_checked(tmp_path: Path, config: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(config)
    assert load(str(link), "").configuration.watch_namespaces == ("team",)
    config.chmod(0o666)
    assert _refusal(link, tmp_path / "none") == [f"{link}: may be written by other users; right form: mode 0600"]


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert _refusal(loop, tmp_path / "none") == [f"{loop}: cannot be read: Too many levels of symbolic links"]
    with pytest.raises(ConfigurationError, match="the path is not valid"):
        load("a\0b", "")


@pytest.mark.parametrize(("owner", "refused"), [(0, False), (1000, False), (1001, True)])
def test_owners(owner: int, refused: bool, config: Path) -> None:
    fields = list(os.stat(config))
    fields[4] = owner
    why = loading._why_refused(os.stat_result(fields), 1000)
    assert bool(why) is refused


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_pair_that_others_may_read_is_worth_a_warning(mode: int, warned: bool, config: Path) -> None:
    _write(config, "acr-registry-info: |\n  - {customAccessKey: a, customAccessKeySecret: b}\n", mode)
    warnings = [str(finding) for finding in load(str(config), "").warnings]
    text = f"{config}: holds a key pair and may be read by other users; right form: mode 0600"
    assert warnings == ([text] if warned else [])


def test_a_file_without_key_pair_may_be_read(config: Path) -> None:
    config.chmod(0o644)
    assert load(str(config), "").warnings == ()


def test_a_file_that_is_too_large(config: Path) -> None:
    _write(config, "#" * (1 << 20) + "\n")
    assert _refusal(config, Path("none")) == [f"{config}: the file is larger than 1 MiB, which no ConfigMap can be"]
