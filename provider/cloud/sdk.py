"""The SDKs: loaded without what we do not need, made quiet, and put on our transport. Clients are made here alone."""

import atexit
import logging
from typing import Any

from provider.cloud.attempts import Attempt
from provider.cloud.left_out import left_out
from provider.cloud.transport import Transport
from provider.identity.session import Session

USER_AGENT = "aliyun-acr-credential-provider"


def load(transport: Transport) -> None:
    """Load the SDKs' common part and have it use `transport`. To be called before any call, any number of times.

    The environment must have been taken before (`provider.environment`): the SDKs read it while they are imported.
    """
    # Each of the SDKs puts a handler for stderr on its logger, and logs URLs with tokens in them when a call fails.
    logging.disable(logging.CRITICAL)
    with left_out():
        from darabonba.core import DaraCore
        from Tea.core import TeaCore

    cores: tuple[Any, ...] = (TeaCore, DaraCore)
    for core in cores:
        # The SDKs' own adapter trusts certifi, ignores NO_PROXY and loads the authorities once for each host.
        core.get_adapter = staticmethod(lambda *_, **__: transport.adapter)
        core._sessions.clear()  # They hold adapters of earlier transports; connections are in the adapter.


def enterprise_client(transport: Transport, session: Session, attempt: Attempt) -> Any:
    """Return a client of cr20181201 for one attempt."""
    load(transport)
    with left_out():
        from alibabacloud_cr20181201.client import Client

    return Client(_config(session, attempt))


def enterprise_models(transport: Transport) -> Any:
    """Return the package with the requests of cr20181201."""
    load(transport)
    with left_out():
        from alibabacloud_cr20181201 import models

    return models


def generic_client(transport: Transport, session: Session | None, attempt: Attempt) -> Any:
    """Return a client that calls any API, for one attempt; without a session for calls that are not signed."""
    load(transport)
    with left_out():
        from alibabacloud_tea_openapi.client import Client

    return Client(_config(session, attempt))


def parameters(**values: str) -> Any:
    """Return the description of an API's call for the generic client."""
    with left_out():
        from alibabacloud_tea_openapi.utils_models import Params

    return Params(protocol="HTTPS", auth_type="AK", body_type="json", **values)


def request(query: dict[str, str] | None = None, body: dict[str, str] | None = None) -> Any:
    """Return a request for the generic client."""
    with left_out():
        from alibabacloud_tea_openapi.utils_models import OpenApiRequest

    return OpenApiRequest(query=query, body=body)


def runtime(attempt: Attempt) -> Any:
    """Return the options that hold an attempt's times. Without retry options the SDK does not try again by itself."""
    with left_out():
        from darabonba.runtime import RuntimeOptions

    return RuntimeOptions(
        connect_timeout=int(attempt.connect_seconds * 1000), read_timeout=int(attempt.read_seconds * 1000)
    )


def metadata_provider(transport: Transport, role: str, attempt: Attempt, *, token_mode: bool) -> Any:
    """Return the credentials provider of the metadata service for a node's role.

    In token mode it never asks without a token: on a hardened node, any hiccup would read as a refusal.
    """
    load(transport)
    with left_out():
        from alibabacloud_credentials.http import HttpOptions
        from alibabacloud_credentials.provider import refreshable
        from alibabacloud_credentials.provider.ecs_ram_role import EcsRamRoleCredentialsProvider

    # The import registers it; nothing of the SDK may run while the process ends.
    atexit.unregister(refreshable._shutdown_handler)
    return EcsRamRoleCredentialsProvider(
        role_name=role,
        disable_imds_v1=token_mode,
        async_update_enabled=False,
        http_options=HttpOptions(
            connect_timeout=int(attempt.connect_seconds * 1000), read_timeout=int(attempt.read_seconds * 1000)
        ),
    )


def _config(session: Session | None, attempt: Attempt) -> Any:
    with left_out():
        from alibabacloud_tea_openapi.utils_models import Config

    # The region is a name for the SDK to keep; where the call goes is the endpoint's matter.
    config = Config(endpoint=attempt.endpoint, region_id="cn-hangzhou", user_agent=USER_AGENT)
    if session is not None:
        config.access_key_id = session.access_key_id
        config.access_key_secret = session.access_key_secret
        config.security_token = session.security_token or None
    return config
