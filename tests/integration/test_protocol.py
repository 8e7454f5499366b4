"""The kubelet's protocol as the whole program keeps it."""

import json
import subprocess

import pytest

from tests.cloud.faults import Kind
from tests.integration.node import ALPHA, GROUP, PERSONAL, Node, program

FIELDS = {"kind", "apiVersion", "cacheKeyType", "cacheDuration", "auth"}
PASSWORD_ONLY = "crpi-abc123.cn-hangzhou.personal.cr.aliyuncs.com"
PARTNER = "partner-registry.cn-hangzhou.cr.aliyuncs.com"


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
def test_each_version_is_answered_cold_and_warm_with_its_own_fields_alone(version: str, node: Node) -> None:
    for _ in ("cold", "warm"):
        response = node.request(f"{ALPHA}/team/app", version).response
        assert response.keys() == FIELDS
        assert response["apiVersion"] == f"{GROUP}/{version}"
        assert response["cacheKeyType"] == "Registry"
        assert list(response["auth"]) == [ALPHA]
    assert len(node.cloud.calls.of("acr", "GetAuthorizationToken")) == 1


@pytest.mark.parametrize(
    "image",
    [f"{ALPHA}/team/app:v1", f"{ALPHA}/team/app@sha256:{'0' * 64}", f"{ALPHA}:443/team/app", f"{ALPHA}./team/app",
     f"{ALPHA.upper()}/team/app", f"{ALPHA.replace('.cn-', '.distributed.cn-')}:65002/team/app"],
)  # fmt: skip
def test_the_answer_is_for_the_host_as_the_pod_writes_it(image: str, node: Node) -> None:
    host = image.partition("/")[0]
    assert list(node.request(image).auth) == [host]


@pytest.mark.parametrize(
    "image",
    ["nginx", "docker.io/library/nginx", "registry.oss-cn-hangzhou.aliyuncs.com/a/b", "ghcr.io/a/b", "localhost:5000/a",
     "registry-cn-hangzhou-vpc.ack.aliyuncs.com/acs/pause"],
)  # fmt: skip
def test_a_strangers_registry_gets_nothing_and_nobody_is_asked(image: str, node: Node) -> None:
    response = node.request(image).response
    assert response["auth"] == {}
    assert response["cacheKeyType"] == "Registry"
    assert list(node.cloud.calls) == []


def test_acks_own_images_are_left_alone_before_and_after_the_users_own_are_pulled(node: Node) -> None:
    for _ in ("without an answer", "with one"):
        response = node.request(f"{PERSONAL}/acs/pause").response
        assert (response["auth"], response["cacheKeyType"]) == ({}, "Image")
        assert node.request(f"{PERSONAL}/mine/app").auth


def test_a_personal_instance_of_today_is_refused_with_the_way_out(node: Node) -> None:
    refusal = node.request(f"{PASSWORD_ONLY}/a/b").refusal
    assert "imagePullSecret" in refusal
    assert list(node.cloud.calls) == []


def test_an_instance_of_another_account_is_refused_and_not_asked_for_again(node: Node) -> None:
    first = node.request(f"{PARTNER}/shared/app")
    assert first.status == 1
    assert "cri-partnerpartner02" in first.refusal
    node.cloud.calls.clear()
    again = node.request(f"{PARTNER}/shared/app")
    assert again.status == 1
    assert "asked again in" in again.refusal
    assert "INSTANCE_NOT_EXIST" in again.refusal
    assert list(node.cloud.calls) == []
    (refusal,) = node.state.glob("answers/*.refused")
    fields = json.loads(refusal.read_text())
    assert fields["until"] - fields["written"] == 600


def test_a_refusal_is_forgotten_when_the_configuration_changes(node: Node) -> None:
    assert node.request(f"{PARTNER}/shared/app").status == 1
    user = node.cloud.world.users[0]
    node.configure(
        "acr-registry-info:\n"
        f"  - instanceId: cri-partnerpartner02\n    customAccessKey: {user.access_key_id}\n"
        f"    customAccessKeySecret: {user.access_key_secret}\n"
    )
    assert node.login(node.request(f"{PARTNER}/shared/app"), PARTNER) == 200


@pytest.mark.parametrize("fault", ["hang", "drip", "drop"])
def test_personal_edition_that_nobody_configured_fails_within_three_seconds(fault: Kind, node: Node) -> None:
    node.cloud.faults.set("acr", fault)
    assert_refused_within_three_seconds(node)


def test_personal_edition_that_nobody_configured_fails_as_fast_without_a_metadata_service(node: Node) -> None:
    node.cloud.faults.set("metadata", "hang")
    assert_refused_within_three_seconds(node)


def test_an_item_for_the_nodes_own_region_does_not_configure_the_others(node: Node) -> None:
    node.configure("acr-registry-info:\n  - instanceId: ''\n")
    node.cloud.faults.set("acr", "hang")
    assert_refused_within_three_seconds(node, PERSONAL.replace("hangzhou", "shanghai"))


def assert_refused_within_three_seconds(node: Node, host: str = PERSONAL) -> None:
    """Three seconds, and what a busy machine takes to start two processes, though it may be busier by then."""
    starting = node.run(["version"]).seconds
    result = node.request(f"{host}/mine/open")
    assert result.status == 1
    assert result.seconds < 3 + 4 * starting


@pytest.mark.parametrize("stdin", ["", "{", "[]", '{"kind":"Pod"}', "\x00", "null"])
def test_a_malformed_request_is_one_line_and_one(stdin: str, node: Node) -> None:
    result = node.run([], stdin)
    assert result.status == 1
    assert result.refusal.startswith("aliyun-acr-credential-provider: the request")


def test_a_misspelt_key_does_not_stop_pulls(node: Node) -> None:
    node.configure("watch-namespaces: team-a\n")
    assert node.request(f"{ALPHA}/team/app").auth
    result = node.run(["get", f"{ALPHA}/team/app", "--json"])
    assert result.status == 0
    (node.state / "answers" / f"{ALPHA}.json").unlink()
    assert "watch-namespaces" in node.run(["get", f"{ALPHA}/team/app"]).stderr


def test_a_wrong_value_stops_and_names_key_and_line(node: Node) -> None:
    node.configure("watch-namespace: default\nexpiring-threshold: soon\n")
    result = node.request(f"{ALPHA}/team/app")
    assert result.status == 2
    assert f"{node.config}:2: expiring-threshold" in result.stderr
    assert "soon" not in result.stderr


def test_an_empty_environment_is_enough(node: Node) -> None:
    node.environment = {}
    node.local(
        f"endpoints:\n  metadata: {node.cloud.metadata_address}\n  acr: {node.cloud.https_address}\n"
        f"  sts: {node.cloud.https_address}\nca-file: {node.cloud.ca_file}\n"
    )
    node.configure(
        "acr-registry-info:\n  - instanceId: cri-alphaalphaalpha1\n    regionId: cn-hangzhou\n"
        "    domains: registry.example.com\n"
    )
    assert node.login(node.request("registry.example.com/team/app"), "registry.example.com") == 200


def test_no_standard_input_is_one_line(node: Node) -> None:
    script = 'exec "$@" <&-'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *program(), *node.options],
        capture_output=True,
        text=True,
        env={},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "standard input" in done.stderr


def test_a_spoilt_date_matters_only_where_it_decides(node: Node) -> None:
    node.cluster_created("")
    (node.data / "cluster/cluster.json").write_text("")
    node.configure("token-mode: workerRole\n")
    assert node.request(f"{ALPHA}/team/app").auth
    node.configure("token-mode: auto\n")
    assert node.request(f"{ALPHA}/team/app").status == 2


def test_nobody_reads_the_answer(node: Node) -> None:
    with node.start() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(
            json.dumps(
                {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": f"{ALPHA}/team/app"}
            ).encode()
        )
        process.stdin.close()
        stderr = process.stderr.read().decode()
        assert process.wait(30) == 1
    assert "Traceback" not in stderr
    node.no_secret_in(stderr)
