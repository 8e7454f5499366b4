"""Where the checker refuses what some kubelet may take: rather no change than a node that does not start.

Everything else that it refuses, a kubelet of that version refuses; what it accepts, a kubelet starts with.
"""

from collections.abc import Mapping

STRICTER: Mapping[str, str] = {
    "size": "files of more than 256 KiB are not read here",
    "encoding": "files that are not UTF-8 are not read here (a kubelet may take UTF-16, and wrong bytes in JSON)",
    "depth": "what is nested deeper than 50 levels is not read here",
    "aliases": "what grows to more than 20,000 values by YAML aliases is not read here",
    "yaml": "this place is not YAML to every parser",
    "tag": "explicit YAML tags such as !!str are not judged here",
    "keys": "keys that become equal as text, such as 1 and '1', come through in an order of chance",
    "json keys": "a key that is repeated in JSON mixes both values in kubelets before 1.32",
    "case": "kubelets before 1.32 take kind and apiVersion in other letter case too",
    "host": "brackets, and more than one colon, are judged differently by the Go versions that kubelets are built with",
    "gate": "kubelet 1.33 refuses it without the gate KubeletServiceAccountTokenForCredentialProviders",
    "name": "kubelets before 1.30 start with an empty name and then have no program to run",
    "program": "kubelets before 1.30 start with a program that may not be run, and find out at the first pull",
}
"""The reason by a short name. The first four bound the work, the others are places where kubelets differ."""


class Refusal(Exception):
    """A file that cannot be read as a whole, and why, in one line without its name."""


def refusal(code: str, where: str = "") -> Refusal:
    """Return why something is not judged; `where` is a line or a field."""
    return Refusal(f"{where}: {STRICTER[code]}" if where else STRICTER[code])
