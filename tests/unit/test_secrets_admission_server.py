"""The webhook over real TLS: what comes back, when, and what was made before."""

import asyncio
import io
import json
import socket
import ssl
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from provider.config.values import Webhook
from provider.errors import ConfigurationError, ProviderError
from provider.journal import Journal
from provider.secrets.admission import Rules
from provider.secrets.webhook import SIZE_LIMIT, Server, serve_webhook
from tests.unit.admission_reviews import SECRET, applied, review, rules, text
from tests.unit.webhook_authorities import Key, rsa_key, write_authority

NAME = "webhook.kube-system.svc"
FAIL = Webhook(enable=True, failure_policy="Fail")


async def made(namespace: str) -> bool:
    return True


async def for_ever(namespace: str) -> bool:
    await asyncio.Event().wait()
    return True


async def refused(namespace: str) -> bool:
    raise ProviderError("no token could be had: the cloud\nrefused")


async def broken(namespace: str) -> bool:
    raise ValueError("a secret in an exception")


async def of_another(namespace: str) -> bool:
    return False


class Lines(Journal):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def _write(self, line: str, level: str) -> None:
        self.lines.append(line)


@dataclass
class Secrets:
    """What is asked to make a Secret."""

    make: Callable[[str], Awaitable[bool]] = made
    asked: list[str] = field(default_factory=list)

    async def ensure(self, namespace: str) -> bool:
        self.asked.append(namespace)
        return await self.make(namespace)


class Hook:
    """A webhook that listens, and a client that trusts its authority."""

    def __init__(self, folder: Path, key: Key) -> None:
        self.folder = folder
        self.trust = ssl.create_default_context(cafile=str(write_authority(folder, key)))
        self.secrets, self.journal = Secrets(), Lines()
        self.rules: Rules | None = rules()

    def run(self, scenario: Callable[[Server, aiohttp.ClientSession], Awaitable[None]]) -> None:
        async def run() -> None:
            server = await self.serve()
            try:
                async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
                    await scenario(server, session)
            finally:
                await server.close(0)

        asyncio.run(run())

    async def serve(self, listen: str = "127.0.0.1:0") -> Server:
        return await serve_webhook(listen, str(self.folder), NAME, self.secrets, lambda: self.rules, self.journal)

    async def post(
        self, server: Server, session: aiohttp.ClientSession, body: Any, query: str = ""
    ) -> tuple[int, bytes]:
        url = f"https://127.0.0.1:{server.port}/mutate{query}"
        content = {"Content-Type": "application/json"}
        async with session.post(url, data=body, ssl=self.trust, server_hostname=NAME, headers=content) as response:
            return response.status, await response.read()

    def ask(self, sent: dict[str, Any], query: str = "?timeout=1s") -> tuple[int, bytes]:
        answers = []

        async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
            answers.append(await self.post(server, session, text(sent), query))

        self.run(scenario)
        return answers[0]


@pytest.fixture(scope="module")
def key() -> Key:
    return rsa_key()


@pytest.fixture
def hook(tmp_path: Path, key: Key) -> Hook:
    return Hook(tmp_path, key)


def test_the_answer_comes_when_the_secret_is_there(hook: Hook) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        there = asyncio.Event()

        async def wait(namespace: str) -> bool:
            await there.wait()
            return True

        hook.secrets.make = wait
        answer = asyncio.ensure_future(hook.post(server, session, text(review())))
        done, _ = await asyncio.wait([answer], timeout=0.3)
        assert not done
        there.set()
        status, body = await answer
        assert status == 200
        assert applied(body, {})["imagePullSecrets"] == [{"name": SECRET}]

    hook.run(scenario)
    assert hook.secrets.asked == ["team"]


def test_without_any_rules_it_is_for_the_failure_policy_to_decide(hook: Hook) -> None:
    hook.rules = None
    status, body = hook.ask(review())
    assert status == 503
    assert b"no configuration" in body
    assert hook.secrets.asked == []


def test_a_dry_run_is_told_what_would_be_and_nothing_is_made(hook: Hook) -> None:
    status, body = hook.ask(review(request={"dryRun": True}))
    assert (status, applied(body, {})) == (200, {"imagePullSecrets": [{"name": SECRET}]})
    assert hook.secrets.asked == []


def test_what_is_not_ours_is_let_through_and_nothing_is_made(hook: Hook) -> None:
    status, body = hook.ask(review("other"))
    assert (status, applied(body, {})) == (200, {})
    assert hook.secrets.asked == []


def test_a_namespace_with_anothers_secret_is_left_alone(hook: Hook) -> None:
    hook.secrets.make, hook.rules = of_another, rules(webhook=FAIL)
    status, body = hook.ask(review())
    assert (status, applied(body, {})) == (200, {})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (for_ever, "it took longer than 0.5 s"),
        (refused, "no token could be had: the cloud refused"),
        (broken, "internal error ValueError at test_secrets_admission_server.py"),
    ],
)
def test_a_secret_that_cannot_be_made_goes_by_the_failure_policy(
    hook: Hook, make: Callable[[str], Awaitable[bool]], said: str
) -> None:
    hook.secrets.make = make
    began = time.monotonic()
    status, body = hook.ask(review())
    assert time.monotonic() - began < 10
    assert (status, applied(body, {})) == (200, {})
    [warning] = json.loads(body)["response"]["warnings"]
    assert f"no Secret {SECRET} yet in namespace team: {said}" in warning
    assert "a secret in" not in warning
    hook.rules = rules(webhook=FAIL)
    status, body = hook.ask(review())
    assert status == 500
    assert f"{SECRET} yet in namespace team" in body.decode()
    assert b"a secret in" not in body


def test_the_journal_is_told_once(hook: Hook) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        hook.secrets.make = refused
        for _ in range(3):
            await hook.post(server, session, text(review()))

    hook.run(scenario)
    assert len([line for line in hook.journal.lines if "no token could be had" in line]) == 1


def test_what_the_rules_are_counts_at_each_request(hook: Hook) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        seen = []
        for by in (rules(), rules(webhook=Webhook()), rules(("other",)), rules()):
            hook.rules = by
            _, body = await hook.post(server, session, text(review()))
            seen.append(bool(applied(body, {})))
        assert seen == [True, False, False, True]

    hook.run(scenario)


@pytest.mark.parametrize(("body", "status"), [(b"{}", 400), (io.BytesIO(b"x" * (SIZE_LIMIT + 1)), 413), (b"", 400)])
def test_what_is_no_request_is_refused(hook: Hook, body: Any, status: int) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        assert (await hook.post(server, session, body))[0] == status
        assert (await hook.post(server, session, text(review())))[0] == 200

    hook.run(scenario)


def test_a_request_that_drips_is_ended_in_time(hook: Hook) -> None:
    async def dripping() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        assert (await hook.post(server, session, dripping(), "?timeout=1s"))[0] == 408

    hook.run(scenario)


def test_other_requests_than_posts_to_mutate_are_refused(hook: Hook) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        for method, path, status in (("GET", "/mutate", 405), ("POST", "/", 404), ("GET", "/metrics", 404)):
            url = f"https://127.0.0.1:{server.port}{path}"
            async with session.request(method, url, ssl=hook.trust, server_hostname=NAME) as response:
                assert response.status == status

    hook.run(scenario)


def test_old_tls_is_refused(hook: Hook) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    new = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    new.maximum_version = ssl.TLSVersion.TLSv1_2
    new.check_hostname, new.verify_mode = False, ssl.CERT_NONE

    def shake(port: int, context: ssl.SSLContext) -> str | None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as secured:
            return secured.version()

    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol version|in violation of protocol"):
            await asyncio.to_thread(shake, server.port, old)
        assert await asyncio.to_thread(shake, server.port, new) == "TLSv1.2"

    hook.run(scenario)


def test_closing_answers_who_is_here_and_nobody_else(hook: Hook) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        asked, there = asyncio.Event(), asyncio.Event()

        async def wait(namespace: str) -> bool:
            asked.set()
            await there.wait()
            return True

        hook.secrets.make = wait
        port = server.port
        answer = asyncio.ensure_future(hook.post(server, session, text(review())))
        await asyncio.wait_for(asked.wait(), 10)
        closing = asyncio.ensure_future(server.close(0))
        await asyncio.wait([closing], timeout=0.2)
        there.set()
        assert (await answer)[0] == 200
        await asyncio.wait_for(closing, 10)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    hook.run(scenario)


def test_who_comes_a_moment_after_the_end_was_decided_is_answered(hook: Hook) -> None:
    async def scenario(server: Server, session: aiohttp.ClientSession) -> None:
        closing = asyncio.ensure_future(server.close(1))
        await asyncio.sleep(0)
        async with aiohttp.ClientSession() as other:
            assert (await hook.post(server, other, text(review())))[0] == 200
        await asyncio.wait_for(closing, 10)

    hook.run(scenario)


def test_a_place_that_is_none_and_one_that_is_taken_are_errors(hook: Hook) -> None:
    with pytest.raises(ConfigurationError, match=r"right form: 0\.0\.0\.0:10360"):
        asyncio.run(hook.serve("10360x"))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(hook.serve(f"127.0.0.1:{taken.getsockname()[1]}"))
