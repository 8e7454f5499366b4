"""The manifests of static pods on a node, as far as they name Secrets to pull with."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from provider.errors import ProviderError
from provider.node.detect.found import Found
from provider.node.files import Tree

DEFAULTS = {
    "k3s": "/var/lib/rancher/k3s/agent/pod-manifests",
    "rke2": "/var/lib/rancher/rke2/agent/pod-manifests",
}
"""Where the manifests are by the node's system, if its kubelet does not say."""

USUAL = "/etc/kubernetes/manifests"
FLAG, CONFIG = "--pod-manifest-path", "--config"


class StaticPod(NamedTuple):
    """A manifest that names Secrets."""

    path: str
    secrets: tuple[str, ...]


def pods_with_secrets(tree: Tree, found: Found) -> list[StaticPod]:
    """Return the static pods with imagePullSecrets of their own. What cannot be read has none."""
    folder = manifests(tree, found)
    pods = []
    for name in tree.names(folder):
        # The kubelet passes over hidden files.
        secrets = [] if name.startswith(".") else list(_secrets(_documents(tree, f"{folder}/{name}")))
        if secrets:
            pods.append(StaticPod(f"{folder}/{name}", tuple(secrets)))
    return pods


def manifests(tree: Tree, found: Found) -> str:
    """Return the folder of the static pods' manifests."""
    flag = _value(found.command_line, FLAG)
    if flag:
        return flag
    config = _value(found.command_line, CONFIG)
    for document in _documents(tree, config) if config else ():
        if isinstance(document, dict) and isinstance(document.get("staticPodPath"), str):
            return str(document["staticPodPath"])
    return DEFAULTS.get(found.system, USUAL)


def _value(command_line: tuple[str, ...], flag: str) -> str:
    """Return the last value of a flag, written with = or as a word of its own."""
    value = ""
    for word, following in zip(command_line, [*command_line[1:], ""], strict=False):
        name, equals, written = word.partition("=")
        if name == flag:
            value = written if equals else following
    return value


def _documents(tree: Tree, path: str) -> list[Any]:
    try:
        text = tree.text(path)
        return list(yaml.safe_load_all(text)) if text is not None else []
    except (ProviderError, yaml.YAMLError, RecursionError, ValueError):
        return []


def _secrets(documents: list[Any]) -> Iterator[str]:
    for document in documents:
        match document:
            case {"kind": "Pod", "spec": {"imagePullSecrets": list(secrets)}}:
                yield from (
                    str(secret["name"]) for secret in secrets if isinstance(secret, dict) and secret.get("name")
                )
