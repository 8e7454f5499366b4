"""The Docker credential helper: `docker-credential-aliyun-acr get|list|store|erase|version`.

Docker's protocol: the command is the argument, its input on stdin, its output on stdout, **errors on stdout too**, and
an exit status.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import BinaryIO, TextIO

from provider import environment
from provider.answers import Answer, read_answer
from provider.commands.common import limit_time
from provider.environment import Environment
from provider.errors import ProviderError, RequestError
from provider.journal import SystemJournal
from provider.kubelet import API_VERSIONS, MAXIMUM_REQUEST, Request
from provider.lookup import Lookup
from provider.miss import DEADLINE_SECONDS
from provider.places import DEFAULTS, PROGRAM, Places
from provider.store import Store
from provider.version import VERSION

NAME = "docker-credential-aliyun-acr"
NOT_FOUND = "credentials not found in native keychain"
"""The words by which Docker knows that it is to go on without credentials."""

USAGE = f"usage: {NAME} get|list|store|erase|version"


def places_of(surroundings: Environment, user: int) -> Places:
    """Return root's places; for another user, whom those are closed to, the user's own.

    Configuration in `~/.config`, ready answers under XDG_RUNTIME_DIR; without that, none are kept.
    """
    if user == 0:
        return Places(DEFAULTS)
    configuration = f"{surroundings.home or '/nonexistent'}/.config/{PROGRAM}"
    return Places(
        DEFAULTS
        | {
            "--config": f"{configuration}/config.yaml",
            "--local": f"{configuration}/local.yaml",
            "--state-dir": f"{surroundings.xdg_runtime_dir or '/nonexistent'}/{PROGRAM}",
        }
    )


def host_of(server: str) -> str:
    """Return the registry's host of what Docker sends: `HOST`, `HOST/`, `https://HOST/v1/`."""
    host = server.strip().removeprefix("https://").removeprefix("http://").partition("/")[0]
    if not host:
        raise RequestError("no server URL on standard input")
    return host


def standard_input() -> BinaryIO:
    """Return standard input; an empty one where the process was started without."""
    return sys.stdin.buffer if sys.stdin is not None else BytesIO()


class Helper:
    """The commands; each takes what came on stdin and returns what goes to stdout."""

    def __init__(self, surroundings: Environment, places: Places) -> None:
        self._surroundings = surroundings
        self._places = places
        self._store = Store(places.answers)

    def get(self, server: str) -> str:
        """Return ServerURL, Username and Secret."""
        request = self._request(server)
        lookup = Lookup(request, self._places, SystemJournal(), environment=self._surroundings)
        outcome = lookup.ready() or lookup.run(DEADLINE_SECONDS)
        if not isinstance(outcome, Answer):
            raise RequestError(NOT_FOUND)
        fields = {"ServerURL": server.strip(), "Username": outcome.username, "Secret": outcome.password}
        return json.dumps(fields)

    def list(self, _: str) -> str:
        """Return the user name for each host that has a ready answer."""
        fingerprint, now = self._places.fingerprint(), time.time()
        found = {host: read_answer(self._store.directory, host, fingerprint) for host in self._store.hosts()}
        return json.dumps({host: answer.username for host, answer in found.items() if answer and answer.is_valid(now)})

    def store(self, _: str) -> str:
        """Refuse: what `docker login` wants to keep has no place here."""
        raise RequestError(f"{NAME} keeps no passwords: it obtains credentials from the RAM role by itself")

    def erase(self, server: str) -> str:
        """Forget the host's ready answer."""
        self._store.forget_answer(self._request(server).name)
        return ""

    def version(self, _: str) -> str:
        """Return name and version."""
        return f"{NAME} {VERSION}"

    def _request(self, server: str) -> Request:
        return Request(API_VERSIONS[0], f"{host_of(server)}/any")


def main(
    arguments: Sequence[str],
    places: Places | None = None,
    stdin: BinaryIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run one command of Docker's and return the exit status. `places`: not where the user's are."""
    stdin, stdout, stderr = stdin or standard_input(), stdout or sys.stdout, stderr or sys.stderr
    surroundings = environment.take(os.environ)
    helper = Helper(surroundings, places or places_of(surroundings, os.geteuid()))
    commands: dict[str, tuple[Callable[[str], str], bool]] = {
        "get": (helper.get, True),
        "list": (helper.list, False),
        "store": (helper.store, True),
        "erase": (helper.erase, True),
        "version": (helper.version, False),
    }
    if len(arguments) != 1 or arguments[0] not in commands:
        stderr.write(f"{USAGE}\n")
        return 0 if list(arguments) in (["-h"], ["--help"]) else 2
    command, reads = commands[arguments[0]]
    limit_time(DEADLINE_SECONDS, stdout, "looking for credentials")
    try:
        output = command(stdin.read(MAXIMUM_REQUEST).decode(errors="replace") if reads else "")
    except ProviderError as error:
        stdout.write(f"{error}\n")
        return 1
    stdout.write(f"{output}\n" if output else "")
    return 0
