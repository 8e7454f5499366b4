"""The kubelet's own verdict on provider files, before it is asked: it does not start with one that it dislikes.

Its rules as they are in its sources, by version; versions newer than those known are taken for the newest known.
What is refused here though some kubelet may take it is in stricter.py.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provider.node.kubelet_version import Version
from provider.node.provider_file.durations import nanoseconds
from provider.node.provider_file.images import image_problem
from provider.node.provider_file.shape import config_fields, shape_problems
from provider.node.provider_file.stricter import STRICTER, Refusal
from provider.node.provider_file.values import Document, read
from provider.node.provider_file.versions import (
    CONFIG_GROUP,
    DIRECTORIES,
    FIRST,
    PROVIDER_GROUP,
    STRICT,
    TOKENS,
    api_versions,
)

KIND = "CredentialProviderConfig"
ENDINGS = (".json", ".yaml", ".yml")
"""The files of a directory that count; also hidden ones, and with nothing before the ending."""

_QUALIFIED = re.compile(r"(?:(?P<prefix>[^/]*)/)?(?P<name>[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


def check(content: bytes, name: str, version: Version) -> list[str]:
    """Return why a kubelet would not start with a file, one line each with the file's name; nothing if it would.

    `name` is for the messages: whether a file is JSON or YAML, the kubelet tells by its content.
    """
    return check_set({name: content}, version, None)


def check_set(
    files: Mapping[str, bytes | None],
    version: Version,
    executable: Callable[[str], bool] | None,
    *,
    directory: bool = False,
) -> list[str]:
    """Return why a kubelet would not start with the one file that its flag names, or with those of a directory.

    `files`: content by name; None for what cannot be read, such as a link to nowhere. `directory`: the flag names a
    directory and `files` is what is in it, subdirectories left out; more than one file means that too.
    `executable` tells whether a program of that name is in the bin directory and may be run; None: nobody can tell.
    """
    if version < FIRST:
        return [f"kubelet {version} does not run credential providers; {FIRST} and newer do"]
    problems: list[str] = []
    if directory or len(files) > 1:
        files = {file: content for file, content in files.items() if file.endswith(ENDINGS)}
        if version < DIRECTORIES:
            problems.append(f"kubelet {version} does not read a directory of provider files; {DIRECTORIES} does")
    if not files:
        return [*problems, f"there is no provider file; names end in {', '.join(ENDINGS)}"]
    providers: list[tuple[str, dict[str, Any]]] = []
    for file in sorted(files):
        found, wrong = _providers(files[file], version)
        problems += [f"{file}: {problem}" for problem in wrong]
        providers += [(file, provider) for provider in found]
    if not providers and not problems:
        problems.append(f"{', '.join(sorted(files))}: providers: is empty; the kubelet wants one at least")
    names: dict[str, str] = {}
    for file, provider in providers:
        name = provider["name"]
        lead = f"{file}: provider {name!r}"
        if name in names:
            where = "there already" if names[name] == file else f"in {names[name]} already"
            problems.append(f"{lead}: a provider of that name is {where}; remove one of them")
        names[name] = file
        problems += [f"{lead}: {problem}" for problem in _provider_problems(provider, version)]
        if executable is not None and name and not executable(name):
            problems.append(
                f"{lead}: the bin directory has no program of that name that may be run; put it there, or remove the "
                "provider"
            )
    return problems


def _providers(content: bytes | None, version: Version) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a file's providers, with the empty value for each text that is missing, or what is wrong with it."""
    if content is None:
        return [], ["cannot be read; remove it, or what it links to is missing"]
    try:
        document = read(content)
    except Refusal as refused:
        return [], [str(refused)]
    problems = list(_document_problems(document, version))
    if problems:
        return [], problems
    items = document.value.get("providers") or []
    texts = ("name", "apiVersion")
    return [{**(item or {}), **{text: (item or {}).get(text) or "" for text in texts}} for item in items], []


def _document_problems(document: Document, version: Version) -> Iterator[str]:
    value = document.value
    if not isinstance(value, dict):
        yield "is empty or no mapping" if value is None else "is no mapping with apiVersion, kind and providers"
        return
    if document.repeated and version >= STRICT:
        yield f"the same key twice ({'; '.join(document.repeated)}); remove one of each"
    elif document.repeated and document.is_json:
        yield f"{STRICTER['json keys']} ({'; '.join(document.repeated)}); remove one of each"
    for key in value:
        if key not in ("kind", "apiVersion") and key.casefold() in ("kind", "apiversion") and version < STRICT:
            yield f"key {key!r}: {STRICTER['case']}; write {'kind' if key.casefold() == 'kind' else 'apiVersion'}"
    known = api_versions(CONFIG_GROUP, version)
    api_version = value.get("apiVersion")
    if value.get("kind") != KIND:
        yield f"kind: is {value.get('kind')!r}; right form: kind: {KIND}"
    if api_version not in known:
        yield f"apiVersion: is {api_version!r}; kubelet {version} takes {', '.join(known)}"
    else:
        yield from shape_problems(value, config_fields(api_version, version), version)


def _provider_problems(provider: dict[str, Any], version: Version) -> Iterator[str]:
    """Yield what is wrong with a provider whose fields have the right form."""
    name = provider["name"]
    if not name:
        yield f"name: is missing ({STRICTER['name']}); give the file's name in the bin directory"
    if "/" in name or " " in name or name in (".", ".."):
        yield "name: is no name of a file in the bin directory: no / and no spaces, not . or .."
    known = api_versions(PROVIDER_GROUP, version)
    if provider["apiVersion"] not in known:
        yield f"apiVersion: is {provider['apiVersion']!r}; kubelet {version} takes {', '.join(known)}"
    images = [image or "" for image in provider.get("matchImages") or []]
    if not images:
        yield "matchImages: is empty; give the images that it is for, such as registry.example.com"
    for image in images:
        problem = image_problem(image)
        if problem:
            yield f"matchImages: {image!r}: {problem}"
    duration = provider.get("defaultCacheDuration")
    if duration is None:
        yield 'defaultCacheDuration: is missing; right form: defaultCacheDuration: "12h"'
    elif (nanoseconds(duration) or 0) < 0:
        yield f"defaultCacheDuration: {duration!r} is negative; write 0s for none"
    tokens = provider.get("tokenAttributes")
    if tokens is not None and version >= STRICT:
        yield from (f"tokenAttributes: {problem}" for problem in _token_problems(provider, tokens, version))
    # Older kubelets leave tokenAttributes out without a word.


def _token_problems(provider: dict[str, Any], tokens: dict[str, Any], version: Version) -> Iterator[str]:
    if version < TOKENS:
        yield f"{STRICTER['gate']}; use {TOKENS} or newer, or remove them"
    if provider["apiVersion"] != f"{PROVIDER_GROUP}/v1":
        yield f"want apiVersion {PROVIDER_GROUP}/v1 of the provider"
    if not tokens.get("serviceAccountTokenAudience"):
        yield "serviceAccountTokenAudience: is missing; give the audience of the token"
    needed = tokens.get("requireServiceAccount")
    if needed is None:
        yield "requireServiceAccount: is missing; say true or false"
    if tokens.get("cacheType") not in ("ServiceAccount", "Token"):
        yield f"cacheType: is {tokens.get('cacheType')!r}; right form: ServiceAccount or Token"
    lists = {}
    for field in ("requiredServiceAccountAnnotationKeys", "optionalServiceAccountAnnotationKeys"):
        keys = lists[field] = [key or "" for key in tokens.get(field) or []]
        yield from (f"{field}: {key!r} is there twice" for key in dict.fromkeys(keys) if keys.count(key) > 1)
        yield from (f"{field}: {key!r} is no key of an annotation" for key in keys if not _is_qualified(key.lower()))
    required, optional = lists.values()
    if required and needed is False:
        yield "requiredServiceAccountAnnotationKeys: want requireServiceAccount: true"
    yield from (f"annotation {key!r} is both required and optional" for key in required if key in optional)


def _is_qualified(key: str) -> bool:
    """Tell whether a text is a key of an annotation: a name, with a domain and a slash before it if wanted."""
    match = _QUALIFIED.fullmatch(key)
    if match is None or len(match["name"]) > 63:
        return False
    prefix = match["prefix"]
    return prefix is None or (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix) is not None)
