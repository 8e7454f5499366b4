"""The Docker credential helper: Docker's protocol, the plugin's ready answers."""

import json
import subprocess
import sys

import pytest

from provider.docker import NOT_FOUND, places_of
from provider.environment import Environment
from tests.cloud import clients
from tests.integration.node import ALPHA, ROOT, Node, Result

HELPER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from provider import docker
from provider.places import Places
sys.exit(docker.main(sys.argv[3:], Places(json.loads(sys.argv[2]))))
"""


def helper(node: Node, *arguments: str, stdin: str = "") -> Result:
    """Run the helper as a process, with the node's places."""
    places = dict(option.split("=", 1) for option in node.options)
    program = [sys.executable, "-I", "-c", HELPER, str(ROOT), json.dumps(places), *arguments]
    done = subprocess.run(
        program, input=stdin, capture_output=True, text=True, env=node.environment, timeout=60, check=False
    )
    node.no_secret_in(done.stderr)
    return Result(done.returncode, done.stdout, done.stderr, 0)


@pytest.mark.parametrize("server", [ALPHA, f"https://{ALPHA}", f"https://{ALPHA}/v2/", f"{ALPHA}\n", ALPHA.upper()])
def test_get_gives_what_the_registry_takes(server: str, node: Node) -> None:
    fields = json.loads(helper(node, "get", stdin=server).stdout)
    assert fields["ServerURL"] == server.strip()
    assert clients.login(node.cloud, ALPHA, fields["Username"], fields["Secret"]) == 200


def test_plugin_and_helper_share_the_ready_answers(node: Node) -> None:
    password = node.request(f"{ALPHA}/team/app").auth[ALPHA]["password"]
    node.cloud.calls.clear()
    assert json.loads(helper(node, "get", stdin=ALPHA).stdout)["Secret"] == password
    assert list(node.cloud.calls) == []


def test_a_strangers_registry_is_not_found_in_dockers_words(node: Node) -> None:
    result = helper(node, "get", stdin="https://index.docker.io/v1/")
    assert (result.status, result.stdout) == (1, f"{NOT_FOUND}\n")


@pytest.mark.parametrize("server", ["", "\n", "https://", "a b.io", "x" * 5000])
def test_what_is_no_server_is_one_line(server: str, node: Node) -> None:
    result = helper(node, "get", stdin=server)
    assert result.status == 1
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


def test_a_refusal_goes_to_stdout_where_docker_reads_it(node: Node) -> None:
    result = helper(node, "get", stdin="partner-registry.cn-hangzhou.cr.aliyuncs.com")
    assert result.status == 1
    assert "INSTANCE_NOT_EXIST" in result.stdout
    assert result.stdout.count("\n") == 1
    node.no_secret_in(result.stdout)


def test_list_names_the_hosts_and_no_secret(node: Node) -> None:
    assert json.loads(helper(node, "list").stdout) == {}
    assert node.request(f"{ALPHA}/team/app").auth
    result = helper(node, "list")
    assert json.loads(result.stdout) == {ALPHA: "cr_temp_user"}
    node.no_secret_in(result.stdout)


def test_erase_forgets_and_store_is_refused(node: Node) -> None:
    assert helper(node, "get", stdin=ALPHA).status == 0
    assert helper(node, "erase", stdin=f"https://{ALPHA}").status == 0
    assert json.loads(helper(node, "list").stdout) == {}
    stored = helper(node, "store", stdin=json.dumps({"ServerURL": ALPHA, "Username": "u", "Secret": "s3cr3t"}))
    assert stored.status == 1
    assert "s3cr3t" not in stored.stdout + stored.stderr


@pytest.mark.parametrize(
    ("arguments", "status"), [([], 2), (["nonsense"], 2), (["get", "x"], 2), (["--help"], 0), (["version"], 0)]
)
def test_use(arguments: list[str], status: int, node: Node) -> None:
    assert helper(node, *arguments).status == status


def test_a_user_without_root_has_places_of_their_own() -> None:
    surroundings = Environment(home="/home/a", xdg_runtime_dir="/run/user/1000")
    own = places_of(surroundings, 1000)
    assert own.answers == "/run/user/1000/aliyun-acr-credential-provider/answers"
    assert own.config == "/home/a/.config/aliyun-acr-credential-provider/config.yaml"
    assert places_of(surroundings, 0).answers == "/run/aliyun-acr-credential-provider/answers"
    assert not places_of(Environment(), 1000).state.startswith("/run")
