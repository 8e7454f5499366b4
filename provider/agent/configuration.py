"""The node's `config.yaml` in step with the ConfigMap that users have.

What is wrong is never put in force: the last good file stays. A file that a person had written is kept beside ours, and
comes back when the ConfigMap goes.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from provider.agent.node_config_file import ConfigFile, checksum
from provider.agent.node_volume import read_volume
from provider.kubernetes.configuration_text import render
from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from provider.node.files import NodeError
from provider.own_program import Done, run_own

CHECK_SECONDS = 30.0
AGAIN_SECONDS = 60.0
"""Until a check is tried again that did not come to an end."""
MOST_FINDINGS = 3
"""Told of a configuration that is wrong; the rest is counted."""
GOOD, WRONG = 0, 2
"""Exit statuses of `config check`."""
NAMED = f"ConfigMap {SYSTEM_NAMESPACE}/{CONFIG_MAP}"
TOKEN_MODE = ("token-mode", "tokenMode")
DEFAULT_MODE = "auto"

Fault = Literal["", "configuration", "node"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the node's configuration is after a look at the ConfigMap."""

    state: Literal["in step", "absent", "wrong"]
    """`absent`: there is no ConfigMap. `wrong`: what was in force before stays so."""
    detail: str = ""
    """For people, without secrets: what is wrong, a line each; or what counts where the ConfigMap is absent."""
    fault: Fault = ""
    """Whose fault it is where it is wrong: the ConfigMap's, which every node finds alike, or this node's alone."""


class Checks:
    """Has a file checked by `config check`, in a process of its own; what was checked once is not checked again."""

    def __init__(
        self,
        run: Callable[[list[str], float], Done] = run_own,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._monotonic = monotonic
        self._checked = ""
        self._wrong: Outcome | None = None
        self._until = 0.0

    def __call__(self, path: str, content: bytes) -> Outcome | None:
        """Return what is wrong with the content, which the file at `path` has; None where it is good."""
        found = checksum(content)
        if found != self._checked or self._monotonic() >= self._until:
            done = self._run(["config", "check", path], CHECK_SECONDS)
            self._checked, self._until = found, math.inf
            self._wrong = None
            if done.status == WRONG:
                findings = done.stdout.decode(errors="replace").splitlines()
                self._wrong = Outcome("wrong", _told(findings, path), "configuration")
            elif done.status != GOOD:
                said = " ".join(done.stderr.split())[:200]
                detail = f"{NAMED} could not be checked, and is not used: exit status {done.status}: {said}"
                self._wrong, self._until = Outcome("wrong", detail, "node"), self._monotonic() + AGAIN_SECONDS
        return self._wrong


def put_configuration(source: str, own: ConfigFile, token_mode: str = "", checks: Checks | None = None) -> Outcome:
    """Make the node's configuration what the ConfigMap says that is mounted at `source`; raises nothing.

    `token_mode`: as in the configuration; counts where that has none. `checks`: kept by who calls again and again.
    """
    try:
        data = {key: _text(key, content) for key, content in read_volume(source).items()}
    except OSError as error:
        return Outcome("wrong", f"{error.filename or source}: {error.strerror}", "node")
    except _NoText as error:
        return Outcome("wrong", f"{NAMED} is wrong: {error}", "configuration")
    return put_data(data or None, own, token_mode, checks or Checks())


def put_data(data: Mapping[str, str] | None, own: ConfigFile, token_mode: str, checks: Checks) -> Outcome:
    """Make the file what a ConfigMap's data says (None: there is no ConfigMap), if that is good; raises nothing.

    Nodes and the writer of Secrets say the same of the same ConfigMap, so that it becomes one Event.
    """
    absent = Outcome("absent", f"there is no {NAMED}: the defaults count")
    try:
        if data is None and own.is_persons():
            own.take_back()
            return Outcome("absent", f"there is no {NAMED}: {own.path}, which a person wrote, counts")
        wanted = with_token_mode(dict(sorted((data or {}).items())), token_mode)
        if not wanted:
            own.take_back()
            return absent
        wrong = own.put(render(wanted), checks)
    except NodeError as error:
        return Outcome("wrong", str(error), "node")
    except OSError as error:
        return Outcome("wrong", f"{error.filename or own.path}: {error.strerror}", "node")
    if wrong is not None:
        return wrong
    return absent if data is None else Outcome("in step")


def take_configuration_back(own: ConfigFile) -> None:
    """Take away what the agent wrote; what a person had written comes back. Raises NodeError."""
    try:
        own.take_back()
    except OSError as error:
        raise NodeError(f"{error.filename or own.path}: {error.strerror}") from None


def with_token_mode(data: Mapping[str, str], token_mode: str) -> dict[str, str]:
    """Return a ConfigMap's data with the token mode that the chart gives, where it has none and it is no default."""
    if token_mode in ("", DEFAULT_MODE) or any(key in data for key in TOKEN_MODE):
        return dict(data)
    return {**data, TOKEN_MODE[0]: token_mode}


class _NoText(Exception):
    """A key of the ConfigMap that is no text."""


def _text(key: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _NoText(f"{key}: is not UTF-8 text") from None


def _told(findings: list[str], path: str) -> str:
    """Return the first findings, a line each: the same on each node, so without the path."""
    shown = [line.removeprefix(f"{path}:").strip() for line in findings if line != f"{path}: good"]
    lines = [f"line {line}" if line.partition(":")[0].isdecimal() else line for line in shown[:MOST_FINDINGS]]
    more = [f"and {len(shown) - MOST_FINDINGS} more"] if len(shown) > MOST_FINDINGS else []
    return "\n".join([f"{NAMED} is wrong:", *lines, *more, f"(lines of {os.path.basename(path)} on the node)"])
