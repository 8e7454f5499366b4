"""The commands for people."""

import json
import os
import pty
import select
import subprocess
import time

import pytest

from provider.commands import node_checks
from tests.cloud.default_world import ALPHA as ALPHA_ID
from tests.integration.node import ALPHA, PERSONAL, Node, program
from tests.integration.test_ready_answers import age, kept

PARTNER = "partner-registry.cn-hangzhou.cr.aliyuncs.com"


def test_get_says_what_the_kubelet_would_get_and_hides_the_password(node: Node) -> None:
    result = node.run(["get", f"{ALPHA}/team/app"])
    assert result.status == 0
    assert ALPHA_ID in result.stdout
    assert "worker RAM role KubernetesWorkerRole-test" in result.stdout
    assert "hidden" in result.stdout
    assert result.stderr == ""


def test_get_shows_the_secret_when_asked(node: Node) -> None:
    result = node.run(["get", f"{ALPHA}/team/app", "--json", "--show-secret"], secret=True)
    fields = json.loads(result.stdout)
    answered = node.request(f"{ALPHA}/team/app")
    assert fields["password"] == answered.auth[ALPHA]["password"]
    assert fields["ready"] is False
    assert json.loads(node.run(["get", f"{ALPHA}/team/app", "--json"]).stdout)["ready"] is True


def test_get_of_a_strangers_image_says_that_it_is_not_ours(node: Node) -> None:
    fields = json.loads(node.run(["get", "docker.io/library/nginx", "--json"]).stdout)
    assert (fields["credentials"], fields["cacheDuration"]) == (False, "300s")


def test_get_names_what_refused(node: Node) -> None:
    refusal = node.run(["get", f"{PARTNER}/shared/app"]).refusal
    assert "INSTANCE_NOT_EXIST" in refusal


def steps(node: Node, *arguments: str) -> dict[str, tuple[str, str]]:
    result = node.run(["doctor", *arguments, "--json"])
    return {step["step"]: (step["state"], step["detail"]) for step in json.loads(result.stdout)["steps"]}


def test_doctor_ends_with_a_login_at_the_registry(node: Node) -> None:
    found = steps(node, f"{ALPHA}/team/app")
    kubelets = {name for name, _ in node_checks.STEPS}
    others = {name: state for name, (state, _) in found.items() if state != "ok" and name not in kubelets}
    assert others == {"STS": "skipped", "instances": "skipped"}
    logins = [call for call in node.cloud.calls.of("registry", "GET /v2/") if call.status == 200]
    assert [call.host for call in logins] == [ALPHA]
    assert not node.state.exists()


def test_doctor_of_an_image_elsewhere_checks_no_other_registry(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n")
    found = steps(node, "nginx")
    assert found["registry"][0] == "failed"
    assert "Docker Hub" in found["registry"][1]
    assert found["login"][0] == "skipped"


def test_doctor_checks_the_configured_instance_without_an_image(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n")
    assert steps(node)["login"][0] == "ok"


FAILURES = {
    "no metadata service": (
        lambda node: node.cloud.faults.set("metadata", "drop"),
        {"metadata service": "failed", "session": "failed", "token": "skipped", "login": "skipped"},
    ),
    "no role": (
        lambda node: setattr(node.cloud.world.node, "role_name", ""),
        {"metadata service": "ok", "session": "failed", "token": "skipped", "login": "skipped"},
    ),
    "no permission": (
        lambda node: node.role().policies.clear(),
        {"session": "ok", "token": "failed", "login": "skipped"},
    ),
    "a registry that refuses the login": (
        lambda node: node.cloud.faults.set("auth", "status", status=401),
        {"token": "ok", "login": "failed"},
    ),
    "STS is away": (
        lambda node: (
            node.cloud.faults.set("sts", "drop"),
            node.configure(
                f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n"
                "    assumeRoleARN: acs:ram::2222222222222222:role/acr-pull\n"
            ),
        ),
        {"STS": "failed", "session": "failed", "token": "skipped"},
    ),
    "a clock that is wrong": (
        lambda node: setattr(node.cloud.clock, "offset", 600),
        {"clock": "failed", "login": "ok"},
    ),
    "a configuration that is wrong": (
        lambda node: node.configure("expiring-threshold: soon\n"),
        {"configuration": "failed"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "expected"), FAILURES.values(), ids=FAILURES.keys())
def test_doctor_finds_what_is_wrong(spoil: object, expected: dict[str, str], node: Node) -> None:
    assert callable(spoil)
    spoil(node)
    found = steps(node, f"{ALPHA}/team/app")
    assert {name: found[name][0] for name in expected} == expected
    for _, detail in found.values():
        node.no_secret_in(detail)


def test_doctor_colours_only_a_terminal(node: Node) -> None:
    assert "\x1b" not in node.run(["doctor"]).stdout
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*program(), "doctor", *node.options],
        env=node.environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        until = time.monotonic() + 60
        while time.monotonic() < until and select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            seen += part
        assert process.wait(10) == 0
    os.close(ours)
    assert b"\x1b[32mok" in seen


def test_warm_renews_what_is_due_and_leaves_the_rest(node: Node) -> None:
    for host in (ALPHA, PERSONAL):
        image = f"{host}/mine/app"
        assert node.request(image).auth
    before = kept(node).password, kept(node, PERSONAL).password
    age(node, left=600)
    result = node.run(["warm"])
    assert result.status == 0
    assert kept(node).password != before[0]
    assert kept(node, PERSONAL).password == before[1]
    assert result.stderr.count("\n") == 1
    assert f"{ALPHA}: renewed, good until" in result.stderr


def test_warm_fetches_the_configured_domains_before_anybody_asks(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n    domains: {ALPHA},registry.example.com\n")
    assert node.run(["warm"]).status == 0
    node.cloud.calls.clear()
    for host in (ALPHA, "registry.example.com"):
        assert node.request(f"{host}/team/app").auth
    assert list(node.cloud.calls) == []


def test_warm_takes_away_what_a_killed_plugin_left(node: Node) -> None:
    assert node.request(f"{ALPHA}/team/app").auth
    left = node.state / "answers" / f"{ALPHA}.json.1.new"
    left.write_text("")
    os.utime(left, (0, 0))
    assert node.run(["warm"]).status == 0
    assert not left.exists()


def test_warm_goes_on_after_a_failure_and_says_so(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: cri-gone\n    domains: a.example.com\n"
                   f"  - instanceId: {ALPHA_ID}\n    domains: registry.example.com\n")  # fmt: skip
    result = node.run(["warm"])
    assert result.status == 1
    assert "a.example.com: " in result.stderr
    assert "registry.example.com: renewed" in result.stderr


def test_warm_keeps_the_old_token_while_the_cloud_is_down(node: Node) -> None:
    assert node.request(f"{ALPHA}/team/app").auth
    before = age(node, left=600).password
    node.cloud.faults.set("acr", "status", status=503)
    assert "not renewed" in node.run(["warm"]).stderr
    assert kept(node).password == before


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["get", "--help"], 0),
        (["doctor", "--help"], 0),
        (["warm", "--help"], 0),
        (["config", "--help"], 0),
        (["version"], 0),
        (["version", "--json"], 0),
        (["--version"], 0),
        (["nonsense"], 2),
        (["--conf", "x"], 2),
        (["get"], 2),
        (["get", "a", "--nonsense"], 2),
        (["config"], 2),
        (["get", "no image"], 1),
    ],
)
def test_use_and_exit_status(arguments: list[str], status: int, node: Node) -> None:
    done = subprocess.run([*program(), *arguments], capture_output=True, text=True, env={}, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert bool(done.stdout) is (status == 0)
    assert bool(done.stderr) is (status != 0)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "--local"]])
def test_the_schema_is_printed(arguments: list[str], node: Node) -> None:
    result = node.run(["config", *arguments])
    assert result.status == 0, result.stderr
    schema = json.loads(result.stdout)
    assert all(definition["description"] for definition in schema["$defs"].values())


def test_the_version_is_the_distributions(node: Node) -> None:
    import tomllib

    from tests.integration.node import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["name"] in node.run(["version"]).stdout
    fields = json.loads(node.run(["version", "--json"]).stdout)
    assert fields["version"] in node.run(["version"]).stdout
