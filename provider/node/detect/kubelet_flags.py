"""What a kubelet's command line says, and the configuration file that it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from provider.node.detect.found import Flags
from provider.node.detect.systemd_units import content_of
from provider.node.files import Folder, Tree

CONFIG = "image-credential-provider-config"
BIN_DIR = "image-credential-provider-bin-dir"
ROOT_DIR = "/var/lib/kubelet"
HEALTH_PORT = 10248
LOCAL = "127.0.0.1"
# An address that listens everywhere is asked on this machine itself.
_EVERYWHERE = {"": LOCAL, "0.0.0.0": LOCAL, "::": "::1"}  # noqa: S104 - nothing is bound
_DROP_IN = ".conf"


@dataclass(frozen=True, slots=True)
class Health:
    """Where a kubelet tells its health; port 0: nowhere."""

    address: str = LOCAL
    port: int = HEALTH_PORT

    @property
    def url(self) -> str:
        """Return the address to ask; empty where there is none."""
        host = _EVERYWHERE.get(self.address, self.address)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/healthz" if self.port else ""


def value_of(command_line: Sequence[str], name: str) -> str | None:
    """Return a flag's value; the last of several counts, underscores are dashes. None where it is not there."""
    return next(reversed(list(_values_of(command_line, name))), None)


def is_gate_off(tree: Tree, command_line: Sequence[str], gate: str) -> bool:
    """Tell whether a feature gate that is on by itself as long as it is beta is switched off, alone or with all beta.

    The command line counts most, then the last drop-in of the kubelet's configuration.
    """
    gates: dict[str, str] = {}
    for document in _documents(tree, command_line):
        written = document.get("featureGates")
        gates |= {str(name): str(value) for name, value in written.items()} if isinstance(written, Mapping) else {}
    for text in _values_of(command_line, "feature-gates"):
        pairs = (pair.partition("=") for pair in text.split(","))
        gates |= {name.strip(): value.strip() for name, _, value in pairs}
    return gates.get(gate, gates.get("AllBeta", "")).lower() in ("false", "f", "0")


def flags_of(command_line: Sequence[str]) -> Flags:
    """Return the two flags as a kubelet takes them from its command line."""
    return Flags(value_of(command_line, CONFIG) or "", value_of(command_line, BIN_DIR) or "")


def as_words(flags: Flags) -> tuple[str, str]:
    """Return the two flags as they are written on a command line."""
    return f"--{CONFIG}={flags.config}", f"--{BIN_DIR}={flags.bin_dir}"


def is_with(flags: Flags, before: Sequence[str], after: Sequence[str]) -> bool:
    """Tell whether a command line is another one with exactly the two flags added, side by side, and in force."""
    added = as_words(flags)
    for place in range(1, len(after) - 1):
        rest = after[place + 2 :]
        if tuple(after[place : place + 2]) == added and (*after[:place], *rest) == tuple(before):
            return flags_of(after) == flags and not _is_pair(after[place - 1], rest)
    return False


def health_of(tree: Tree, command_line: Sequence[str]) -> Health:
    """Return where a kubelet tells its health: a flag counts most, then the last drop-in of its configuration."""
    given = {"healthzBindAddress": LOCAL, "healthzPort": HEALTH_PORT, **_configured(tree, command_line)}
    address = value_of(command_line, "healthz-bind-address")
    port = value_of(command_line, "healthz-port")
    address = address if address is not None else str(given["healthzBindAddress"])
    try:
        return Health(address, int(port if port is not None else str(given["healthzPort"])))
    except ValueError:
        return Health(address)


def _values_of(command_line: Sequence[str], name: str) -> Iterator[str]:
    """Yield the values of a flag as often as it is there."""
    rest = iter(command_line[1:])
    for word in rest:
        if word == "--":
            break
        flag, equals, given = word.partition("=")
        if flag.startswith("--") and flag[2:].replace("_", "-") == name:
            yield given if equals else next(rest, "")


def _is_pair(word: str, rest: Sequence[str]) -> bool:
    """Tell whether a word may be a flag whose value is the next one."""
    return word.startswith("-") and "=" not in word and any(not following.startswith("-") for following in rest[:1])


def _configured(tree: Tree, command_line: Sequence[str]) -> dict[str, object]:
    """Return the settings at the top of the kubelet's configuration, those that are null left out."""
    result: dict[str, object] = {}
    for document in _documents(tree, command_line):
        result |= {key: value for key, value in document.items() if value is not None}
    return result


def _documents(tree: Tree, command_line: Sequence[str]) -> Iterator[dict[str, object]]:
    """Yield the kubelet's configuration and its drop-ins, the one that counts most last."""
    config, folder = value_of(command_line, "config"), value_of(command_line, "config-dir")
    for path in (*([config] if config else []), *(_drop_ins(tree, folder) if folder else [])):
        try:
            read = yaml.safe_load(content_of(tree, path) or b"")
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        if isinstance(read, dict):
            yield {str(key): value for key, value in read.items()}


def _drop_ins(tree: Tree, folder: str) -> Iterator[str]:
    """Yield the configuration drop-ins under a folder in the kubelet's order."""
    for name in tree.names(folder):
        path = f"{folder}/{name}"
        if isinstance(tree.state(path), Folder):
            yield from _drop_ins(tree, path)
        elif name.endswith(_DROP_IN):
            yield path
