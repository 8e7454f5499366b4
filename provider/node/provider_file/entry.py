"""Our entry of a provider file (CredentialProviderConfig), and a whole such file with nothing but it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provider.errors import ProviderError
from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check
from provider.node.provider_file.versions import CONFIG_GROUP, PROVIDER_GROUP, newest_api
from provider.places import PROGRAM

PATTERNS = (
    "*.*.cr.aliyuncs.com",
    "*.distributed.*.cr.aliyuncs.com",
    "*.distributed.*.cr.aliyuncs.com:65002",
    "registry.*.aliyuncs.com",
    "registry-vpc.*.aliyuncs.com",
    "registry-internal.*.aliyuncs.com",
    "registry-intl.*.aliyuncs.com",
    "registry-intl-vpc.*.aliyuncs.com",
    "registry-intl-internal.*.aliyuncs.com",
)
"""The hosts of ACR: Enterprise Edition, its peer-to-peer acceleration, Personal Edition. Each stays clear of
`registry-REGION-vpc.ack.aliyuncs.com`, where ACK's own system images are."""

_SAFE = re.compile(r"[A-Za-z0-9_.*-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9_./*-]*)?")
"""What every kubelet takes in matchImages, whichever Go it was built with."""

_HEADER = f"""\
# The kubelet's provider file, written by `{PROGRAM} install`, which writes it anew
# where it was changed; `{PROGRAM} uninstall` takes it away.
# The kubelet reads it at its start alone, and does not start with a file that it dislikes.
"""


@dataclass(frozen=True, slots=True)
class TokenAttributes:
    """What the kubelet is to ask the API server for, and hand over, of the pod's ServiceAccount (1.34 and newer)."""

    service_account_token_audience: str
    require_service_account: bool
    cache_type: Literal["ServiceAccount", "Token"]
    required_service_account_annotation_keys: tuple[str, ...] = ()
    optional_service_account_annotation_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Our entry under `providers`. Its name is the program's, its apiVersion the newest that the kubelet knows."""

    match_images: tuple[str, ...]
    default_cache_duration: str = "0s"
    """How long the kubelet keeps an answer that does not say so itself, as Go writes durations. Ours always does."""
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    """Names and values."""
    token_attributes: TokenAttributes | None = None


def match_images(domains: Iterable[str]) -> tuple[str, ...]:
    """Return ACR's patterns and the domains (a host, with port and path if wanted), each once.

    Raises ProviderError for a domain with which some kubelet might not start.
    """
    patterns = tuple(dict.fromkeys((*PATTERNS, *domains)))
    for pattern in patterns:
        if not _SAFE.fullmatch(pattern):
            raise ProviderError(
                f"domain {pattern!r} cannot stand in matchImages: a kubelet may not start with it. "
                "Right form: registry.example.com, with :PORT and /PATH if needed"
            )
    return patterns


def own_file(entry: Entry, version: Version) -> bytes:
    """Return a whole provider file with our entry alone. Raises ProviderError where the kubelet would refuse it."""
    lines = [
        _HEADER.rstrip("\n"),
        f"apiVersion: {newest_api(CONFIG_GROUP, version)}",
        "kind: CredentialProviderConfig",
        "providers:",
        *block_lines(entry, version, dash="  ", gap=2, nested=2),
    ]
    content = ("\n".join(lines) + "\n").encode(errors="replace")
    problems = check(content, "our provider file", version)
    if problems:
        raise ProviderError(f"kubelet {version} would not start with {'; '.join(problems)}")
    return content


def fields(entry: Entry, version: Version) -> dict[str, Any]:
    """Return the entry as the mapping that stands in the file, in the order of writing."""
    result: dict[str, Any] = {
        "name": PROGRAM,
        "apiVersion": newest_api(PROVIDER_GROUP, version),
        "matchImages": list(entry.match_images),
        "defaultCacheDuration": entry.default_cache_duration,
    }
    if entry.args:
        result["args"] = list(entry.args)
    if entry.env:
        result["env"] = [{"name": name, "value": value} for name, value in entry.env]
    if entry.token_attributes is not None:
        result["tokenAttributes"] = token_fields(entry.token_attributes)
    return result


def block_lines(entry: Entry, version: Version, *, dash: str, gap: int, nested: int) -> Iterator[str]:
    """Yield the entry as lines of YAML, one item of a list in block style.

    `dash`: what stands before the item's dash; `gap`: from the dash to the keys, 2 or more; `nested`: from a key to
    the dashes or keys below it, 0 for lists that are not indented.
    """
    lead, inner = f"{dash}-{' ' * (gap - 1)}", dash + " " * gap
    for line in _mapping(fields(entry, version), nested):
        yield lead + line
        lead = inner


def _mapping(values: dict[str, Any], nested: int) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, list):
            yield f"{key}:"
            for item in value:
                if not isinstance(item, dict):
                    yield f"{' ' * nested}- {_scalar(item)}"
                    continue
                lead = "- "
                for line in _mapping(item, nested):
                    yield f"{' ' * nested}{lead}{line}"
                    lead = "  "
        elif isinstance(value, dict):
            yield f"{key}:"
            yield from (f"{' ' * (nested or 2)}{line}" for line in _mapping(value, nested))
        else:
            yield f"{key}: {_scalar(value)}"


_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def quoted(value: Any, indent: str | None = None) -> str:
    """Return a value as JSON that is YAML too, whose parsers take some characters for the end of a line, or not."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", written)


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")
_NOT_PLAIN = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null"))


def _scalar(value: str | bool) -> str:
    """Return a value that every YAML parser reads back: plain where there is no doubt, else in double quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return quoted(value)


def entry_from(found: Mapping[str, Any], name: str) -> Entry:
    """Return the entry that stands in a file as this mapping. Raises ProviderError for one of another form."""
    try:
        tokens = found.get("tokenAttributes")
        return Entry(
            match_images=_texts(found.get("matchImages")),
            default_cache_duration=str(found.get("defaultCacheDuration") or ""),
            args=_texts(found.get("args")),
            env=tuple((str(each["name"]), str(each["value"])) for each in found.get("env") or ()),
            token_attributes=None if tokens is None else token_attributes_from(tokens),
        )
    except (AttributeError, KeyError, TypeError):
        raise ProviderError(f"{name}: the entry {PROGRAM} is malformed; `{PROGRAM} install` writes it anew") from None


def token_attributes_from(found: Mapping[str, Any]) -> TokenAttributes:
    """Return what stands in a file as this mapping. Raises AttributeError or TypeError for one of another form."""
    return TokenAttributes(
        str(found.get("serviceAccountTokenAudience") or ""),
        bool(found.get("requireServiceAccount")),
        "Token" if found.get("cacheType") == "Token" else "ServiceAccount",
        _texts(found.get("requiredServiceAccountAnnotationKeys")),
        _texts(found.get("optionalServiceAccountAnnotationKeys")),
    )


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list | None):
        raise TypeError
    return tuple(str(item) for item in found or ())


def token_fields(attributes: TokenAttributes) -> dict[str, Any]:
    """Return tokenAttributes as the mapping that stands in the file, in the order of writing."""
    result: dict[str, Any] = {
        "serviceAccountTokenAudience": attributes.service_account_token_audience,
        "cacheType": attributes.cache_type,
        "requireServiceAccount": attributes.require_service_account,
    }
    if attributes.required_service_account_annotation_keys:
        result["requiredServiceAccountAnnotationKeys"] = list(attributes.required_service_account_annotation_keys)
    if attributes.optional_service_account_annotation_keys:
        result["optionalServiceAccountAnnotationKeys"] = list(attributes.optional_service_account_annotation_keys)
    return result
