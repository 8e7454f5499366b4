"""A ConfigMap's data as a file that people can read, and whose lines an error can name."""

from collections.abc import Mapping

import yaml

from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE

HEAD = f"""\
# ConfigMap {SYSTEM_NAMESPACE}/{CONFIG_MAP}. The agent writes this file anew: change the ConfigMap, not this.
apiVersion: v1
kind: ConfigMap
"""


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stay that."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def render(data: Mapping[str, str]) -> bytes:
    """Return the content of `config.yaml` that says what a ConfigMap's `data` says, in its order."""
    body = yaml.dump({"data": dict(data)}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)
    return (HEAD + body).encode()
