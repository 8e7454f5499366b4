"""Provider files, good and bad, and which kubelets start with them: what the checker and the kubelets must agree on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from provider.node.kubelet_version import Version

PROGRAMS = ("a", "b", "c", "ecr-credential-provider", "auth-provider-gcp", "acr-credential-provider")
"""What the bin directory has; beside them `data`, which may not be run, and the directory `folder`."""

BASE = """\
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: a
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages:
      - "*.example.com"
    defaultCacheDuration: 12h
"""
HEAD = BASE.partition("  - ")[0]
SECOND = """\
  - name: b
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: [b.example.com]
    defaultCacheDuration: 0s
"""
TOKENS = """\
    tokenAttributes:
      serviceAccountTokenAudience: registry
      cacheType: Token
      requireServiceAccount: true
"""
JSON = json.dumps(
    {
        "apiVersion": "kubelet.config.k8s.io/v1",
        "kind": "CredentialProviderConfig",
        "providers": [
            {
                "name": "ecr-credential-provider",
                "matchImages": ["*.dkr.ecr.*.amazonaws.com"],
                "defaultCacheDuration": "12h0m0s",
                "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            }
        ],
    },
    indent=2,
)
ENTRY = json.dumps(json.loads(JSON)["providers"][0])
ANY, NEVER = "1.0", "9.0"
STRICT = ("1.32", NEVER)


@dataclass(frozen=True)
class Case:
    """`refused`: from which version on kubelets do not start with it, and before which. `stricter`: what the checker
    refuses in every version, by its name in STRICTER. `options`: what the kubelet gets beside the usual."""

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    refused: tuple[str, str]
    stricter: str = ""
    directory: bool = False
    options: tuple[str, ...] = ()
    only: str = ""
    """The one version, as 1.33, that it is meant for."""
    alike: bool = False
    """The rule is the same code in all versions: the oldest and the newest are enough."""

    def starts(self, version: Version) -> bool:
        """Whether a kubelet of that version does."""
        first, before = (Version(int(text[0]), int(text[2:]), 0) for text in self.refused)
        return not first <= version < before


def good(name: str, text: str | bytes, stricter: str = "") -> Case:
    """A file that every kubelet starts with."""
    content = text.encode() if isinstance(text, str) else text
    return Case(name, {"providers": content}, (NEVER, NEVER), stricter)


def bad(name: str, text: str | bytes, refused: tuple[str, str] = (ANY, NEVER), stricter: str = "") -> Case:
    """A file that no kubelet starts with, or none of some versions."""
    return replace(good(name, text, stricter), refused=refused)


def alike(name: str, text: str) -> Case:
    """A file that no kubelet starts with, for the same reason."""
    return replace(bad(name, text), alike=True)


def base(old: str, new: str) -> str:
    """The good file with one thing changed in it."""
    assert BASE.count(old) >= 1, old
    return BASE.replace(old, new, 1)


def image(pattern: str) -> str:
    """The good file with this in matchImages."""
    return base('"*.example.com"', json.dumps(pattern))


def tokens(old: str = "", new: str = "") -> str:
    """The good file with tokenAttributes, one thing changed in them."""
    assert old in TOKENS
    return BASE + TOKENS.replace(old, new, 1)


def keys(required: str, optional: str) -> str:
    """The good file with tokenAttributes that name keys of annotations."""
    lists = {"required": required, "optional": optional}
    return tokens() + "".join(f"      {which}ServiceAccountAnnotationKeys: {text}\n" for which, text in lists.items())


def directory(name: str, files: Mapping[str, str], starts: bool) -> Case:
    """Files of a directory, which kubelets read from 1.34 on."""
    content = {file: text.encode() for file, text in files.items()}
    return Case(name, content, (ANY, "1.34" if starts else NEVER), directory=True)
