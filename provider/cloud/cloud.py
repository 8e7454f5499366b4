"""Alibaba Cloud as the rest of the program sees it."""

from functools import cached_property
from typing import TYPE_CHECKING

from provider.cloud.facts import NOTHING_KNOWN, NodeFacts
from provider.config.values import Local
from provider.deadline import Deadline
from provider.environment import Environment
from provider.errors import ProviderError

if TYPE_CHECKING:
    from provider.cloud.calls import Calls
    from provider.cloud.enterprise import Enterprise
    from provider.cloud.metadata import Metadata
    from provider.cloud.personal import Personal
    from provider.cloud.registry import Registry
    from provider.cloud.sts import Sts
    from provider.cloud.transport import Transport


class Cloud:
    """The cloud's services, each made (and what it needs imported) when it is first asked for."""

    def __init__(
        self, environment: Environment, local: Local, deadline: Deadline, facts: NodeFacts = NOTHING_KNOWN
    ) -> None:
        """`facts`: what an earlier run learnt of the node."""
        self._environment = environment
        self._local = local
        self._deadline = deadline
        self._facts = facts
        self._node_region: str | None = facts.region or None

    def node_region(self) -> str:
        """Return the node's region, asked once; empty where it is no ECS instance or cannot be asked."""
        if self._node_region is None:
            try:
                self._node_region = self.metadata.region()
            except ProviderError:
                self._node_region = ""
        return self._node_region

    def facts(self) -> NodeFacts:
        """Return what is known of the node by now, without asking anybody."""
        metadata: Metadata | None = self.__dict__.get("metadata")
        return metadata.facts() if metadata is not None else self._facts

    def progress(self) -> str:
        """Return which host is being asked and what failed before; empty before the first. For another thread."""
        transport: Transport | None = self.__dict__.get("transport")
        return transport.progress() if transport is not None else ""

    @cached_property
    def transport(self) -> "Transport":
        """The way out, shared by all services. Raises ConfigurationError for authorities that cannot be read."""
        from provider.cloud.left_out import left_out

        with left_out():
            from provider.cloud.transport import Transport
        from provider.cloud.trust import ssl_context

        names = self._environment.ssl_cert_file, self._environment.ssl_cert_dir, self._local.ca_file
        return Transport(self._environment, self._local, self._deadline, ssl_context(*names))

    @cached_property
    def _calls(self) -> "Calls":
        transport = self.transport
        from provider.cloud.attempts import Attempts
        from provider.cloud.calls import Calls

        return Calls(transport, self._local.endpoints, Attempts(self._deadline), self.node_region)

    @cached_property
    def metadata(self) -> "Metadata":
        """The metadata service of this node."""
        calls = self._calls
        from provider.cloud.metadata import Metadata

        return Metadata(calls.transport, calls, self._facts)

    @cached_property
    def sts(self) -> "Sts":
        """Sessions of RAM roles."""
        calls = self._calls
        from provider.cloud.sts import Sts

        return Sts(calls)

    @cached_property
    def enterprise(self) -> "Enterprise":
        """ACR Enterprise Edition."""
        calls = self._calls
        from provider.cloud.enterprise import Enterprise

        return Enterprise(calls)

    @cached_property
    def personal(self) -> "Personal":
        """ACR Personal Edition."""
        calls = self._calls
        from provider.cloud.personal import Personal

        return Personal(calls)

    @cached_property
    def registry(self) -> "Registry":
        """Registries themselves."""
        calls = self._calls
        from provider.cloud.registry import Registry

        return Registry(calls)
