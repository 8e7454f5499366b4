"""The simulated cloud as one object: `with SimulatedCloud(directory) as cloud:`."""

from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cloud.acr import Acr
from tests.cloud.authorization_tokens import AuthorizationTokens
from tests.cloud.backend import Backend
from tests.cloud.certificates import Authority, server_context
from tests.cloud.clock import Clock
from tests.cloud.default_world import default_world
from tests.cloud.dispatcher import Dispatcher
from tests.cloud.faults import Faults
from tests.cloud.ledger import Calls, Secrets, Trapped
from tests.cloud.listener import Listener
from tests.cloud.makers import Makers
from tests.cloud.metadata import Metadata
from tests.cloud.openapi import Gateway
from tests.cloud.principals import Sessions
from tests.cloud.proxy import Proxy
from tests.cloud.registry import Auth, Bearers, Registry
from tests.cloud.sts import Sts
from tests.cloud.wire import Service
from tests.cloud.world import World

LOOPBACK = "127.0.0.1"


class SimulatedCloud:
    """All services in threads of this process. README.md beside this file says how to use it."""

    def __init__(
        self,
        directory: Path,
        world: World | None = None,
        *,
        https: tuple[str, int] = (LOOPBACK, 0),
        metadata: tuple[str, int] = (LOOPBACK, 0),
        proxy: tuple[str, int] = (LOOPBACK, 0),
        backend: tuple[str, int] | None = None,
    ) -> None:
        """`directory` gets the CA files. Addresses: port 0 for any; inside a network namespace the real ones.

        `backend`: a registry without authentication that has the images; without it they are made up.
        """
        self.world = world or default_world()
        self.clock = Clock()
        self.calls = Calls()
        self.faults = Faults()
        self.untrusted_hosts: set[str] = set()
        """HTTPS hosts whose certificate comes from an authority that nobody trusts."""
        self._secrets = Secrets()
        self.sessions = Sessions(self.clock, self._secrets)
        self.tokens = AuthorizationTokens(self.world, self.clock, self._secrets)
        self.make = Makers(self.world, self.clock, self.sessions, self._secrets)
        self.metadata = Metadata(self.world, self.clock, self.sessions, self._secrets)
        services = self._services(Backend(*backend) if backend else None)
        self._dispatcher = Dispatcher(self.world, self.clock, services, self.faults, self.calls, self._secrets)
        directory.mkdir(parents=True, exist_ok=True)
        authority, inspector, stranger = (Authority(name) for name in ("cloud", "inspecting proxy", "stranger"))
        self.ca_file = authority.write(directory / "ca.pem")
        self.inspection_ca_file = inspector.write(directory / "inspection-ca.pem")
        dispatcher = self._dispatcher
        context = server_context(authority, stranger, self.untrusted_hosts)
        self._https = Listener(https, dispatcher, dispatcher.serve, context)
        self._metadata = Listener(metadata, dispatcher, dispatcher.serve_metadata)
        self._trap = Listener((LOOPBACK, 0), dispatcher, dispatcher.trap)
        self._trap.place = self._trap.address
        inspection = server_context(inspector, stranger, set())
        self.proxy = Proxy(proxy, dispatcher, self._https.address, inspection)
        self.secure_proxy = Proxy((LOOPBACK, 0), dispatcher, self._https.address, inspection, context)
        self._listeners: tuple[Listener, ...] = (
            self._https,
            self._metadata,
            self._trap,
            self.proxy,
            self.secure_proxy,
        )
        self.faults.trap_url = self.trap_url

    def _services(self, backend: Backend | None) -> dict[str, Service]:
        gateway = Gateway(self.world, self.clock, self.sessions)
        bearers = Bearers(self.clock, self._secrets)
        services: tuple[Service, ...] = (
            self.metadata,
            Sts(gateway, self._secrets),
            Acr(gateway, self.tokens),
            Registry(self.world, bearers, backend),
            Auth(self.world, self.tokens, bearers, self.clock),
        )
        return {service.name: service for service in services}

    @property
    def https_address(self) -> str:
        """`HOST:PORT` of the TLS listener, which speaks for every host name."""
        return self._https.address

    @property
    def metadata_address(self) -> str:
        return self._metadata.address

    @property
    def proxy_url(self) -> str:
        return f"http://{self.proxy.address}"

    @property
    def secure_proxy_url(self) -> str:
        """The same proxy for clients that speak to it by TLS."""
        return f"https://{self.secure_proxy.address}"

    @property
    def trap_url(self) -> str:
        """A place that nobody should be led to."""
        return f"http://{self._trap.address}/trap"

    @property
    def trapped(self) -> list[Trapped]:
        """What came to the trap, or to a host name that is no part of the cloud."""
        return self._dispatcher.trapped

    def environment(self) -> dict[str, str]:
        """The variables that lead a program here."""
        return {"HTTPS_PROXY": self.proxy_url, "SSL_CERT_FILE": str(self.ca_file)}

    def secrets(self) -> frozenset[str]:
        """Every secret string handed out or configured, also percent-encoded and as Docker's `auth`.

        Among them the AccessKey ids of RAM users.
        """
        for user in self.world.users:
            # The id opens nothing by itself, but messages and files are not the place for the whole of it either.
            self._secrets.keep(user.access_key_id)
            self._secrets.keep(user.access_key_secret)
        return self._secrets.all()

    def start(self) -> Self:
        for listener in self._listeners:
            listener.start()
        return self

    def stop(self) -> None:
        self._dispatcher.stopping.set()
        for listener in self._listeners:
            listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
