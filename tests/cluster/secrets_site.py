"""A cluster, a cloud, and writers between them."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from lightkube.resources.core_v1 import Event, ServiceAccount

from provider.kubernetes.names import SECRET, SYSTEM_NAMESPACE
from tests.cloud import clients as registry_clients
from tests.cluster.secrets_process import (
    SECONDS,
    Process,
    configure,
    make_namespace,
    remove_configuration,
    remove_lease,
    running,
)
from tests.cluster.secrets_writer import Cluster
from tests.integration.node import Node
from tests.systems.system import wait_for

ITEMS = "- instanceId: cri-alphaalphaalpha1\n- instanceId: ''\n  regionId: cn-hangzhou\n"


class Site:
    """A cluster with two namespaces, and the cloud of a node."""

    def __init__(self, cluster: Cluster, node: Node) -> None:
        self.cluster = cluster
        self.client = cluster.client
        self.node = node
        for name in ("team-a", "team-b"):
            make_namespace(self.client, name)
            found = {each.metadata.name for each in self.client.list(ServiceAccount, namespace=name) if each.metadata}
            for account in {"default", "builder"} - found:
                cluster.account(name, account)

    def writer(self, name: str = "writer", *options: str) -> AbstractContextManager[Process]:
        return running(self.client, self.cluster.kubeconfig, self.node, name, *options)

    def logins(self, namespace: str) -> dict[str, tuple[str, str]]:
        secret = self.cluster.secret(namespace)
        if secret is None or secret.data is None:
            return {}
        auths = json.loads(base64.b64decode(secret.data[".dockerconfigjson"]))["auths"]
        return {host: (entry["username"], entry["password"]) for host, entry in auths.items()}

    def pulls(self, namespace: str, host: str, repository: str) -> bool:
        login = self.logins(namespace).get(host)
        return login is not None and registry_clients.pull(self.node.cloud, host, repository, *login) == 200

    def has_entry(self, namespace: str, account: str = "default") -> bool:
        return SECRET in (self.cluster.pulls(namespace, account) or [])

    def events(self, kind: str, name: str, reason: str) -> list[Event]:
        where = name if kind == "Namespace" else SYSTEM_NAMESPACE
        found = self.client.list(Event, namespace=where, fields={"reason": reason})
        return [event for event in found if event.involvedObject.name == name]

    def until(self, condition: Callable[[], bool], what: str, process: Process) -> None:
        try:
            wait_for(condition, SECONDS, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{process.log[-3000:]}") from None


@contextmanager
def site_of(cluster: Cluster, node: Node) -> Iterator[Site]:
    """A site whose ConfigMap names team-a; what was written there is taken away in the end."""
    site = Site(cluster, node)
    configure(site.client, watch_namespace="team-a", acr_registry_info=ITEMS)
    yield site
    remove_lease(site.client)
    with site.writer("sweeper", "--remove") as sweeper:
        site.until(sweeper.leads, "the sweeper to lead", sweeper)
        site.until(lambda: not site.logins("team-a") and not site.logins("team-b"), "nothing to be left", sweeper)
        sweeper.until_ready()
        assert not site.has_entry("team-a")
        assert sweeper.end() == 0
    remove_configuration(site.client)
