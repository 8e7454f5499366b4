"""The kubelet's credential provider protocol: one JSON object on stdin, one on stdout.

Knows nothing of Alibaba Cloud. The warm path runs through this file, so it takes JSON from the C module that `json` is
built on: `import json` costs 8.6 ms (it loads `re`), `_json` 0.1 ms, where the whole bare interpreter needs 9.5.
"""

import _json

from provider.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs 11 ms
    from collections.abc import Callable

GROUP = "credentialprovider.kubelet.k8s.io"
API_VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1", f"{GROUP}/v1alpha1")
"""The versions answered: kubelets from 1.26, from 1.24, and from 1.20 on. All have the same response."""

SERVICE_ACCOUNT_VERSIONS = (f"{GROUP}/v1",)
"""The versions whose requests carry a ServiceAccount's token and annotations (kubelet 1.33 and newer)."""

MAXIMUM_REQUEST = 1 << 20
"""Bytes. A request with a token and annotations has some 10 kB; annotations end at 256 KiB."""

MAXIMUM_NAME, MAXIMUM_LABEL = 240, 63
"""Characters of a host name and of its parts. DNS allows 253; a name of ours is a file's, with an ending, in 255."""

MAXIMUM_CACHE_SECONDS = 24 * 3600
"""No token lasts longer, and a duration beyond 292 years would have the kubelet throw the answer away."""

_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_DIGITS = frozenset("0123456789")


def _reject_constant(name: str) -> object:
    raise ValueError(name)


class _Rules:
    """What `_json.make_scanner` asks of a `json.JSONDecoder`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_reject_constant)


_scan: "Callable[[str, int], tuple[object, int]]" = _json.make_scanner(_Rules())  # type: ignore[arg-type]
quote = _json.encode_basestring_ascii
"""A JSON string, quotes included, in ASCII."""


def parse_json(data: bytes) -> object:
    """Return the JSON value that `data` holds.

    Raises ValueError for anything else: not UTF-8, not JSON, NaN, nested too deeply, something behind the value.
    """
    try:
        text = data.decode().strip(" \t\r\n")
        value, end = _scan(text, 0)
    except (StopIteration, SystemError, RecursionError, UnicodeDecodeError, ValueError):
        # SystemError: the scanner looks for the exception class in `json.decoder`, which is not loaded here.
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("not JSON")
    return value


class Request:
    """What the kubelet asks.

    `host` is the registry as the pod writes it, port included, and the key of the answer's `auth`; `name` is the same
    in lower case without a trailing dot, and without `port`. Both are empty for an image of Docker Hub that names no
    registry. `repository` is the path without tag and digest.
    """

    __slots__ = ("annotations", "api_version", "host", "name", "port", "repository", "service_account_token")

    def __init__(
        self, api_version: str, image: str, token: str = "", annotations: dict[str, str] | None = None
    ) -> None:
        self.api_version = api_version
        self.host, self.name, self.port, self.repository = split_image(image)
        self.service_account_token = token
        self.annotations = annotations or {}


def split_image(image: str) -> tuple[str, str, str, str]:
    """Return host, name, port and repository of an image reference (see `Request`).

    Follows the reference grammar of container images: the first part is a registry if it has a dot or a colon.
    Raises RequestError for what is no image.
    """
    host, slash, repository = image.partition("/")
    if not slash or not ("." in host or ":" in host):
        host, repository = "", image
    name, colon, port = host.partition(":")
    name = name.lower().removesuffix(".")
    directory, slash, last = repository.rpartition("/")
    last = last.partition("@")[0].partition(":")[0]
    well_formed = (
        bool(last)
        and len(name) <= MAXIMUM_NAME
        and all(len(label) <= MAXIMUM_LABEL for label in name.split("."))
        and len(image) <= 4096
        and image.isascii()
        and image.isprintable()
        and " " not in image
        and (not host or (_HOST_CHARACTERS.issuperset(name) and ".." not in name and name[:1] not in ("", ".", "-")))
        and (not colon or (0 < len(port) <= 5 and _DIGITS.issuperset(port)))
    )
    if not well_formed:
        raise RequestError("the request's image is not an image reference such as HOST/NAMESPACE/REPOSITORY")
    return host, name, port, directory + slash + last


def parse_request(data: bytes) -> Request:
    """Return the request that the kubelet wrote.

    Fields that next year's kubelet may add are ignored. Raises RequestError, with one line that quotes nothing.
    """
    if len(data) > MAXIMUM_REQUEST:
        raise RequestError(f"the request is longer than {MAXIMUM_REQUEST} bytes")
    try:
        fields = parse_json(data)
    except ValueError:
        raise RequestError("the request on standard input is not JSON") from None
    if type(fields) is not dict:
        raise RequestError("the request on standard input is not a JSON object")
    if fields.get("kind") != "CredentialProviderRequest":
        raise RequestError("the request's kind is not CredentialProviderRequest")
    api_version = fields.get("apiVersion")
    if api_version not in API_VERSIONS:
        raise RequestError(f"the request's apiVersion is none of {', '.join(API_VERSIONS)}")
    image = fields.get("image")
    if type(image) is not str or not image:
        raise RequestError("the request's image is missing or not a string")
    if api_version not in SERVICE_ACCOUNT_VERSIONS:
        return Request(api_version, image)
    token = fields.get("serviceAccountToken")
    annotations = fields.get("serviceAccountAnnotations")
    token = "" if token is None else token
    annotations = {} if annotations is None else annotations
    if type(token) is not str:
        raise RequestError("the request's serviceAccountToken is not a string")
    if type(annotations) is not dict or not all(type(value) is str for value in annotations.values()):
        raise RequestError("the request's serviceAccountAnnotations are not an object of strings")
    return Request(api_version, image, token, annotations)


def render_response(
    api_version: str, cache_key_type: str, cache_seconds: int, host: str = "", username: str = "", password: str = ""
) -> bytes:
    """Return the whole response; without `host` its `auth` is empty.

    `cacheKeyType` is needed with an empty `auth` too. From 1.32 on the kubelet throws the whole answer away when it has
    a field that it does not know, and in every version when the duration is a number; `"0s"` means: do not keep.
    """
    seconds = min(max(0, cache_seconds), MAXIMUM_CACHE_SECONDS)
    auth = f'{quote(host)}:{{"username":{quote(username)},"password":{quote(password)}}}' if host else ""
    return (
        f'{{"kind":"CredentialProviderResponse","apiVersion":{quote(api_version)},'
        f'"cacheKeyType":{quote(cache_key_type)},"cacheDuration":"{seconds}s","auth":{{{auth}}}}}\n'
    ).encode()
