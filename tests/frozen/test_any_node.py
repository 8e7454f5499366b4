"""The frozen program in roots that are older than the build, newer, and empty; nothing is in its environment."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from tests.cloud import SimulatedCloud
from tests.frozen.names import NameServer
from tests.frozen.node_root import STORES, NodeRoot
from tests.integration.node import ALPHA, ALPHA_VPC

NAMES = (ALPHA, ALPHA_VPC, "cr.cn-hangzhou.aliyuncs.com", "cr-vpc.cn-hangzhou.aliyuncs.com")
SWITCH = "hosts: files resolve myhostname dns\n"
"""As systemd's distributions have it; no resolved runs here, so that module must pass the question on."""

HOSTS = f"127.0.0.1 localhost {' '.join(NAMES)}\n"
IMAGE = f"{ALPHA}/team/app:v1"


def names_by(way: str, root: NodeRoot) -> AbstractContextManager[object]:
    """Let the root find the cloud's names in one way alone."""
    root.write("etc/nsswitch.conf", SWITCH)
    root.write("etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    root.write("etc/hosts", HOSTS if way == "hosts" else "127.0.0.1 localhost\n")
    return NameServer(NAMES) if way == "dns" else nullcontext()


@pytest.fixture
def cached(debian_root: NodeRoot, request: pytest.FixtureRequest) -> Iterator[NodeRoot]:
    """The root as it is, or without its list of libraries."""
    cache = debian_root.folder / "etc/ld.so.cache"
    content = cache.read_bytes()
    if not request.param:
        cache.unlink()
    debian_root.forget()
    yield debian_root
    cache.write_bytes(content)


@pytest.mark.parametrize("cached", [True, False], ids=["with ld.so.cache", "without"], indirect=True)
@pytest.mark.parametrize("way", ["hosts", "dns"])
def test_debian(cached: NodeRoot, way: str, cloud: SimulatedCloud) -> None:
    cloud.calls.clear()
    with names_by(way, cached):
        auth = cached.request(IMAGE).auth
    assert list(auth) == [ALPHA]
    assert len(cloud.calls.of("acr", "GetAuthorizationToken")) == 1
    assert cached.request(IMAGE).auth == auth  # ready by now, so no name is looked for


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("way", ["hosts", "dns"])
def test_nothing_of_the_node_is_needed_but_names_and_authorities(
    empty_root: NodeRoot, store: str, way: str, cloud: SimulatedCloud
) -> None:
    empty_root.write(STORES[store], cloud.ca_file.read_text())
    with names_by(way, empty_root) as server:
        auth = empty_root.request(IMAGE).auth
    assert list(auth) == [ALPHA]
    if isinstance(server, NameServer):
        assert ALPHA in server.asked


def test_a_node_without_authorities_trusts_nobody(empty_root: NodeRoot, cloud: SimulatedCloud) -> None:
    with names_by("hosts", empty_root):
        run = empty_root.request(IMAGE)
    assert run.status != 0
    assert "no certificate authorities on this node" in run.stderr
    assert not cloud.calls.of("acr")


def test_another_nodes_authorities_do_not_count(empty_root: NodeRoot, cloud: SimulatedCloud) -> None:
    empty_root.write(STORES["Debian"], cloud.inspection_ca_file.read_text())
    with names_by("hosts", empty_root):
        run = empty_root.request(IMAGE)
    assert run.status == 1
    assert "certificate" in run.stderr
    assert not cloud.calls.of("acr", "GetAuthorizationToken")


def test_a_library_path_of_the_kubelets_changes_nothing(empty_root: NodeRoot) -> None:
    empty_root.write("libraries/libc.so.6", "no library")
    run = empty_root.run(["version"], environment={"LD_LIBRARY_PATH": "/libraries"})
    assert (run.status, run.stderr) == (0, "")
