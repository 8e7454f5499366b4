"""k3s and RKE2: the kubelet is a part of them, or started by them, and gets its flags from their own configuration.

The files are `config.yaml` and those of `config.yaml.d`, then come the arguments of the command line. A later value of
a key replaces an earlier one, unless the key ends in `+`. Read in k3s's sources.
"""

from collections.abc import Iterator, Mapping, Sequence

import yaml

from provider.node.detect.found import Flags, NotUnderstood
from provider.node.detect.kubelet_flags import BIN_DIR, CONFIG, flags_of, value_of
from provider.node.detect.systemd_units import content_of
from provider.node.files import File, Folder, Tree

PROGRAMS = ("k3s", "rke2")
DEFAULT = Flags("/var/lib/rancher/credentialprovider/config.yaml", "/var/lib/rancher/credentialprovider/bin")
"""Used when both are there and nothing else is named."""

KUBELET_ARGUMENT = "kubelet-arg"
DATA_DIR = "data-dir"
CONFIGURATION = "config"
# All that is looked at; other arguments may be secret.
_NAMES = (CONFIG, BIN_DIR, KUBELET_ARGUMENT, DATA_DIR)
_SHORT = {"-c": f"--{CONFIGURATION}", "-d": f"--{DATA_DIR}"}
_ENDINGS = (".yaml", ".yml")


def configuration(program: str, words: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the path of a program's configuration file; the folder of drop-ins has the same name with `.d`."""
    named = environment.get(f"{program.upper()}_CONFIG_FILE") or value_of(_long(words), CONFIGURATION)
    return named or f"/etc/rancher/{program}/config.yaml"


def command_line(tree: Tree, program: str, words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return program, duty, and those arguments that matter here, the files' first. Raises NotUnderstood."""
    path = configuration(program, words, environment)
    duty = next((word for word in words[1:] if not word.startswith("-")), "")
    given = list(_given(_long(words)))
    return (words[0], duty, *_configured(tree, path), *given)


def flags(tree: Tree, arguments: Sequence[str]) -> Flags:
    """Return the two flags that the kubelet will get. `arguments`: from `command_line`."""
    named = Flags(_or(value_of(arguments, CONFIG), DEFAULT.config), _or(value_of(arguments, BIN_DIR), DEFAULT.bin_dir))
    both = isinstance(_state(tree, named.bin_dir), Folder) and isinstance(_state(tree, named.config), File)
    own, given = named if both else Flags(), flags_of(kubelet_arguments(arguments))
    return Flags(given.config or own.config, given.bin_dir or own.bin_dir)


def named(arguments: Sequence[str]) -> Flags:
    """Return what the two keys say, whether or not it is there."""
    return Flags(value_of(arguments, CONFIG) or "", value_of(arguments, BIN_DIR) or "")


def kubelet_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the kubelet's arguments among the program's as a command line."""
    start = f"--{KUBELET_ARGUMENT}="
    given = [word.removeprefix(start) for word in arguments if word.startswith(start)]
    return ("kubelet", *("--" + word.removeprefix("--") for word in given))


def kubeconfig(program: str, arguments: Sequence[str]) -> str:
    """Return the kubeconfig that the program writes for its kubelet."""
    folder = value_of(arguments, DATA_DIR) or f"/var/lib/rancher/{program}"
    return f"{folder}/agent/kubelet.kubeconfig"


def _configured(tree: Tree, path: str) -> Iterator[str]:
    values: dict[str, list[str]] = {}
    drop_ins = [f"{path}.d/{name}" for name in tree.names(f"{path}.d") if name.lower().endswith(_ENDINGS)]
    for file in (path, *drop_ins):
        for key, value in _keys(tree, file):
            name = key.removesuffix("+")
            values[name] = [*values.get(name, []), *value] if key != name else value
    for name in _NAMES:
        yield from (f"--{name}={value}" for value in values.get(name, []))


def _keys(tree: Tree, path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the keys of one file with their values, which are a list or stand alone."""
    content = content_of(tree, path)
    if content is None:
        return
    try:
        read = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        # What the parser says may quote the cluster's token.
        raise NotUnderstood(f"{path}: is no YAML that can be read: mend it first") from None
    if read is None:
        return
    if not isinstance(read, dict):
        raise NotUnderstood(f"{path}: is no mapping of keys to values: mend it first")
    for key, value in read.items():
        yield str(key), [_text(one) for one in value] if isinstance(value, list) else [_text(value)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _long(words: Sequence[str]) -> list[str]:
    """Return the words with short flags written out."""
    result = []
    for word in words:
        flag, equals, value = word.partition("=")
        result.append(_SHORT.get(flag, flag) + equals + value)
    return result


def _given(words: Sequence[str]) -> Iterator[str]:
    rest = iter(words[1:])
    for word in rest:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--")
        if flag != name and name in _NAMES:
            yield f"--{name}={value if equals else next(rest, '')}"


def _or(value: str | None, default: str) -> str:
    return default if value is None else value


def _state(tree: Tree, path: str) -> object:
    return tree.state(tree.resolve(path)) if path.startswith("/") else None
