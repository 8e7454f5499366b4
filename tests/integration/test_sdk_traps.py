"""What the SDKs read, run, follow and print: none of it happens to the whole program."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cloud.faults import ServiceName
from tests.integration import poison, watched
from tests.integration.leaks import no_part_of_a_secret_in
from tests.integration.node import ALPHA, GROUP, PERSONAL, Node
from tests.integration.test_identities import (
    PARTNER,
    PARTNER_ID,
    PULL_ROLE,
    by_rrsa,
    identities_of,
    instances,
    rrsa,
)

IMAGE = f"{ALPHA}/team/app"


def poisoned(node: Node) -> Path:
    """Give the node every variable and file that leads the SDKs astray; return its HOME."""
    home = poison.home(node.directory / "home")
    node.environment |= poison.environment(home, node.cloud.trap_url)
    return home


def by_worker_role(node: Node) -> str:
    return ALPHA


def by_rrsa_and_a_role(node: Node) -> str:
    node.configure(instances({"instanceId": PARTNER_ID, "regionId": "cn-hangzhou", **by_rrsa(node)}))
    return PARTNER


def by_worker_role_and_a_role(node: Node) -> str:
    node.configure(instances({"instanceId": PARTNER_ID, "assumeRoleARN": PULL_ROLE}))
    return PARTNER


def personal_by_rrsa(node: Node) -> str:
    rrsa(node)
    return PERSONAL


CHAINS = [by_worker_role, by_rrsa_and_a_role, by_worker_role_and_a_role, personal_by_rrsa]


@pytest.mark.parametrize("prepare", CHAINS)
def test_a_poisoned_environment_changes_nothing(prepare: Callable[[Node], str], node: Node) -> None:
    host = prepare(node)
    clean = node.request(f"{host}/team/app")
    asked = [(call.service, call.action, call.host, call.identity) for call in node.cloud.calls]
    assert node.login(clean, host) == 200
    for path in (node.state / "answers").glob("*"):
        path.unlink()
    node.cloud.calls.clear()
    home = poisoned(node)
    result = node.request(f"{host}/team/app")
    assert result.stderr == ""
    assert [(call.service, call.action, call.host, call.identity) for call in node.cloud.calls] == asked
    assert node.login(result, host) == 200
    assert node.cloud.trapped == []
    assert not (home / poison.COMMAND_WAS_RUN).exists()
    assert {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()} == set(poison.FILES)


def test_a_missing_role_is_not_made_up_from_the_environment(node: Node) -> None:
    poisoned(node)
    node.cloud.world.node.role_name = ""
    assert "no RAM role on this node" in node.request(IMAGE).refusal
    assert identities_of(node) == set()


@pytest.mark.parametrize("prepare", CHAINS)
def test_nothing_is_read_in_home_and_nothing_is_started(
    prepare: Callable[[Node], str], node: Node, tmp_path: Path
) -> None:
    home = poisoned(node)
    seen = watched.request(node, f"{prepare(node)}/team/app", tmp_path / "witness.log")
    assert seen.opened, "the witness saw nothing"
    assert [path for path in seen.opened if path.strip("'").startswith(f"{home}/") or ".alibabacloud" in path] == []
    assert seen.started == []


@pytest.mark.parametrize("prepare", CHAINS)
def test_one_thread_keeps_the_deadline_and_no_other_is_started(prepare: Callable[[Node], str], node: Node) -> None:
    image = f"{prepare(node)}/team/app"
    for service in ("metadata", "sts", "acr", "registry"):
        node.cloud.faults.set(service, "slow", latency=0.2)
    seen = set()
    with node.start() as process:
        assert process.stdin is not None
        asked = f'{{"kind":"CredentialProviderRequest","apiVersion":"{GROUP}/v1","image":"{image}"}}'
        process.stdin.write(asked.encode())
        process.stdin.close()
        until = time.monotonic() + 30
        while process.poll() is None:
            assert time.monotonic() < until
            threads, children = watched.threads_and_children(process.pid)
            assert children == []
            seen.add(threads)
    assert process.returncode == 0
    assert max(seen) == 2


REDIRECTS = {
    "plain, to the trap": (302, ""),
    "TLS, to a stranger, with the body": (307, "https://evil.example/latest/"),
    "on the same host": (301, "/elsewhere"),
}
SERVICES: tuple[ServiceName, ...] = ("metadata", "sts", "acr", "registry")


@pytest.mark.parametrize(("status", "location"), REDIRECTS.values(), ids=REDIRECTS.keys())
@pytest.mark.parametrize("service", SERVICES)
def test_a_redirect_is_not_followed(service: ServiceName, status: int, location: str, node: Node) -> None:
    host = ALPHA
    if service == "sts":
        host = by_rrsa_and_a_role(node)
    elif service == "registry":
        node.configure('token-mode: workerRole\ndiscovery: "on"\n')
        node.cloud.world.role("KubernetesWorkerRole-test").policies.clear()  # type: ignore[union-attr]
    fault = node.cloud.faults.set(service, "redirect", status=status, location=location)
    refusal = node.request(f"{host}/team/app").refusal
    assert f"answered with a redirect, which is not followed (HTTP {status})" in refusal
    assert fault.met > 0
    assert node.cloud.trapped == []
    followed = [call for call in node.cloud.calls if "elsewhere" in call.action or "evil" in call.host]
    assert followed == []


@pytest.mark.parametrize("action", ["PUT /latest/api/token", "GET /latest/meta-data/*"])
def test_no_token_of_the_metadata_service_goes_along_with_a_redirect(action: str, node: Node) -> None:
    node.cloud.world.node.mode = "hardened"
    fault = node.cloud.faults.set("metadata", "redirect", action=action)
    assert "redirect" in node.request(IMAGE).refusal
    assert fault.met == 1
    assert node.cloud.trapped == []


def test_the_login_of_doctor_follows_no_redirect_and_no_realm_of_a_stranger(node: Node) -> None:
    fault = node.cloud.faults.set("auth", "redirect", location="https://evil.example/auth")
    result = node.run(["doctor", IMAGE])
    assert result.status == 1
    assert fault.met == 1
    node.cloud.faults.clear()
    service = "registry.aliyuncs.com:cn-hangzhou:china:cri-alphaalphaalpha1"
    instance = node.cloud.world.instance("alpha")
    instance.challenge = f'Bearer realm="https://evil.example/auth",service="{service}"'
    result = node.run(["doctor", IMAGE])
    assert result.status == 1
    assert "evil.example" not in result.stdout + result.stderr
    assert node.cloud.trapped == []


TORN: dict[str, tuple[ServiceName, str, Callable[[Node], str]]] = {
    "session of the worker role": ("metadata", "*KubernetesWorkerRole*", by_worker_role),
    "session by OIDC": ("sts", "AssumeRoleWithOIDC", by_rrsa_and_a_role),
    "assumed session": ("sts", "AssumeRole", by_worker_role_and_a_role),
    "token of an instance": ("acr", "GetAuthorizationToken", by_worker_role),
    "token of Personal Edition": ("acr", "GET /tokens", personal_by_rrsa),
}


@pytest.mark.parametrize("kind", ["torn", "half"])
@pytest.mark.parametrize(("service", "action", "prepare"), TORN.values(), ids=TORN.keys())
def test_a_torn_answer_is_not_quoted(
    service: ServiceName, action: str, prepare: Callable[[Node], str], kind: str, node: Node
) -> None:
    host = prepare(node)
    fault = node.cloud.faults.set(service, kind, action=action)  # type: ignore[arg-type]
    no_part_of_a_secret_in(node, node.request(f"{host}/team/app").refusal)
    no_part_of_a_secret_in(node, node.run(["get", f"{host}/team/app"]).refusal)
    assert fault.met > 0
    for path in node.state.rglob("*.refused"):
        no_part_of_a_secret_in(node, path.read_text())


@pytest.mark.parametrize(
    ("kind", "prepare"),
    [("refused", by_rrsa_and_a_role), ("refused", by_worker_role_and_a_role), ("drop", by_rrsa_and_a_role)],
)
def test_sts_that_cannot_be_reached_is_one_line_without_a_token(
    kind: str, prepare: Callable[[Node], str], node: Node
) -> None:
    host = prepare(node)
    if kind == "refused":
        node.cloud.proxy.refused_hosts |= {"sts-vpc.cn-hangzhou.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com"}
    else:
        node.cloud.faults.set("sts", kind)  # type: ignore[arg-type]
    node.environment["DEBUG"] = "sdk"
    refusal = node.request(f"{host}/team/app").refusal
    assert "sts-vpc.cn-hangzhou.aliyuncs.com" in refusal
    assert "sts.cn-hangzhou.aliyuncs.com" in refusal
    no_part_of_a_secret_in(node, refusal)
