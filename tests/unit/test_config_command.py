"""`config check`, `config schema`, `config show`."""

import io
import json
from pathlib import Path

import pytest
import yaml

from provider.commands.config import run
from provider.config.configuration import read_configuration
from provider.config.schema import configuration_schema, local_schema


def _run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    status = run(arguments, io.StringIO(stdin), stdout, stderr)
    return status, stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text("watch-namespace: all\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text("watch-namespac: a\nscope: x\n")
    path.chmod(0o600)
    return str(path)


def test_check_of_a_good_file_warns_of_what_is_unwise(good: str) -> None:
    status, output, errors = _run("check", good)
    assert (status, output) == (0, f"{good}: good\n")
    assert errors.startswith(f"{good}:1: watch-namespace: warning: all includes kube-system")


def test_check_refuses_unknown_keys_and_wrong_values_of_all_files(good: str, bad: str) -> None:
    status, output, _ = _run("check", bad, good)
    assert status == 2
    assert output.splitlines() == [
        f"{bad}:1: watch-namespac: is no key that we know; the nearest is watch-namespace",
        f"{bad}:2: scope: is none of the values that this key has; right form: node or configured",
        f"{good}: good",
    ]


def test_check_of_an_unknown_key_alone() -> None:
    assert _run("check", "-", stdin="a: b\n") == (2, "stdin:1: a: is no key that we know; remove it\n", "")


def test_check_does_not_care_for_the_mode(good: str) -> None:
    Path(good).chmod(0o666)
    assert _run("check", good)[0] == 0


def test_check_of_a_local_file(tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    path.write_text("ca-file: x\n")
    status, output, _ = _run("check", "--local", str(path))
    assert (status, output[: len(str(path)) + 12]) == (2, f"{path}:1: ca-file:")
    assert _run("check", "--local", "-", stdin="ca-file: /x\n") == (0, "stdin: good\n", "")


@pytest.mark.parametrize("path", ["/nonexistent/file", "/", "a\0b"])
def test_check_of_a_file_that_cannot_be_read(path: str) -> None:
    status, output, errors = _run("check", path)
    assert (status, output) == (2, "")
    assert errors.startswith(f"{path}: cannot be read: ")


@pytest.mark.parametrize(
    "arguments", [[], ["chek"], ["check"], ["check", "--x", "f"], ["show", "f"], ["schema", "--js"]]
)
def test_wrong_use(arguments: list[str]) -> None:
    status, output, errors = _run(*arguments)
    assert (status, output) == (2, "")
    assert "aliyun-acr-credential-provider config" in errors


@pytest.mark.parametrize("arguments", [["--help"], ["check", "-h"], ["show", "-h"], ["schema", "-h"]])
def test_help_goes_to_stdout(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, output, errors = _run(*arguments)
    assert (status, errors) == (0, "")
    assert output.startswith("usage: aliyun-acr-credential-provider config")
    assert capsys.readouterr() == ("", "")


def test_schema() -> None:
    assert json.loads(_run("schema")[1]) == configuration_schema()
    assert json.loads(_run("schema", "--local")[1]) == local_schema()


def test_show_without_files() -> None:
    status, output, errors = _run("show", "--config", "/nonexistent/a", "--local", "/nonexistent/b")
    assert (status, errors) == (0, "")
    assert 'expiring-threshold: "15m"  # default\n' in output


def test_show_is_yaml_that_means_the_same(tmp_path: Path) -> None:
    config, local = tmp_path / "config.yaml", tmp_path / "local.yaml"
    config.write_text(
        "watchNamespace: a,b\nacr-registry-info: |\n  - instanceId: cri-1\n    domains: a.com,b.com\n  - {}\n"
        "expiring-threshold: 90m\ncompat-secrets: off\nrrsa: off\nfoo: 1\n"
    )
    local.write_text("endpoints: {sts: 'a:1'}\nca-file: /x\n")
    status, output, errors = _run("show", "--config", str(config), "--local", str(local))
    assert (status, errors) == (0, f"{config}:9: foo: is no key that we know; remove it\n")
    assert 'watch-namespace: "a,b"  # line 1\n' in output
    assert 'expiring-threshold: "1h30m"  # line 6\n' in output
    shown = yaml.safe_load(output)
    assert (shown.pop("endpoints"), shown.pop("ca-file")) == ({"sts": "a:1"}, "/x")
    again = read_configuration(json.dumps(shown).encode(), "again")
    assert again.findings == ()
    assert again.configuration == read_configuration(config.read_bytes(), "f").configuration


def test_show_as_json(good: str) -> None:
    status, output, _ = _run("show", "--config", good, "--local", "/nonexistent/b", "--json")
    assert status == 0
    assert json.loads(output)["config"]["watch-namespace"] == "all"
    assert json.loads(output)["local"] == {"endpoints": {}, "ca-file": ""}


def test_show_of_a_wrong_file(bad: str) -> None:
    status, output, errors = _run("show", "--config", bad)
    assert (status, output) == (2, "")
    assert errors == f"{bad}:2: scope: is none of the values that this key has; right form: node or configured\n"


def test_show_masks_the_key_pair_and_warns_of_the_mode(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("acr-registry-info: [{customAccessKey: idid, customAccessKeySecret: zzzz}]\n")
    config.chmod(0o644)
    _, output, errors = _run("show", "--config", str(config))
    assert output.count('"********"') == 2
    assert "idid" not in output + errors
    assert "zzzz" not in output + errors
    assert "warning: holds a key pair" in errors
