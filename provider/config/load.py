"""Reads both files of a node. Neither YAML nor pydantic is imported where there is no file."""

import os
import stat
from dataclasses import dataclass, field

from provider.config.finding import Finding, of_kind, refuse_wrong
from provider.config.values import Configuration, Local

_READ_BYTES = (1 << 20) + 1
"""One more than a file may have, so that a larger one is seen to be larger."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Loaded:
    """Both files, read and checked. Missing files mean defaults."""

    configuration: Configuration = field(default_factory=Configuration)
    local: Local = field(default_factory=Local)
    unknown: tuple[Finding, ...] = ()
    """Keys that nobody knows: the plugin goes on, and names them in the journal."""
    warnings: tuple[Finding, ...] = ()
    lines: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    """The line of each key of the configuration, in its first spelling."""


@dataclass(frozen=True, slots=True)
class _Content:
    data: bytes = field(repr=False)
    mode: int


def load(config_path: str, local_path: str) -> Loaded:
    """Return what the two files say.

    Raises ConfigurationError with all findings of both, one line each: wrong values, a file that others may write to,
    that belongs to another user, that is no regular file or cannot be read.
    """
    findings: list[Finding] = []
    config = _content(config_path, findings)
    local = _content(local_path, findings)
    loaded = _read(config, config_path, local, local_path, findings)
    refuse_wrong(findings)
    return loaded


def _read(
    config: _Content | None, config_path: str, local: _Content | None, local_path: str, findings: list[Finding]
) -> Loaded:
    configuration, lines, values = Configuration(), dict[str, int](), Local()
    warnings: list[Finding] = []
    if config is not None:
        from provider.config.configuration import read_configuration

        read = read_configuration(config.data, config_path)
        findings += read.findings
        configuration, lines = read.configuration, read.lines
        if config.mode & _READABLE_BY_OTHERS and any(instance.access_key for instance in configuration.instances):
            message = "holds a key pair and may be read by other users; right form: mode 0600"
            warnings.append(Finding(config_path, 0, "", message, "warning"))
    if local is not None:
        from provider.config.local import read_local

        read_node = read_local(local.data, local_path)
        findings += read_node.findings
        values = read_node.local
    return Loaded(configuration, values, of_kind(findings, "unknown"), tuple(warnings), lines)


def _content(path: str, findings: list[Finding]) -> _Content | None:
    """Return the content of a file, None where there is none or it must not be used."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        findings.append(Finding(path, 0, "", _unreadable(error)))
        return None
    try:
        status = os.fstat(descriptor)
        wrong = _why_refused(status, os.geteuid())
        if wrong:
            findings.append(Finding(path, 0, "", wrong))
            return None
        return _Content(_read_all(descriptor), status.st_mode)
    except OSError as error:
        findings.append(Finding(path, 0, "", _unreadable(error)))
        return None
    finally:
        os.close(descriptor)


def _why_refused(status: os.stat_result, user: int) -> str:
    """Return why a file must not be believed; empty if it may."""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_uid not in (0, user):
        return "belongs to another user, who could change it; right form: owner root"
    if status.st_mode & _WRITABLE_BY_OTHERS:
        return "may be written by other users; right form: mode 0600"
    return ""


def _read_all(descriptor: int) -> bytes:
    data = b""
    while len(data) < _READ_BYTES:
        part = os.read(descriptor, _READ_BYTES - len(data))
        if not part:
            break
        data += part
    return data


def _unreadable(error: Exception) -> str:
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "the path is not valid"
    return f"cannot be read: {reason}"
