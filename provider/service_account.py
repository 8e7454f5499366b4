"""A pod's ServiceAccount, as the kubelet (1.34 and newer) hands it over: a token for `AUDIENCE`, and annotations.

Who has verified a token's claims: the kubelet, which gets the token from the API server itself and writes it to a pipe
that it made; only root can put something else there, and root has the node's identity anyway. STS checks the signature
whenever a token is exchanged for a role. Here the shape, the audience and the end are checked, so that a token that is
meant for others buys nothing where nobody is asked.
"""

import binascii
import math
from typing import Literal, NamedTuple

from provider.errors import NotServed
from provider.kubelet import parse_json

AUDIENCE = "sts.aliyuncs.com"
"""Whom the token is for: what OIDC providers of ACK clusters accept."""

OWN_ANNOTATION = "aliyun-acr-credential-provider/role-arn"
"""The annotation of a ServiceAccount that has the ARN of its RAM role."""
ACK_ANNOTATION = "pod-identity.alibabacloud.com/role-name"
"""The annotation of ACK's pod identity, which has a role's name alone."""

MAXIMUM_TOKEN = 20_000
"""Characters that STS takes."""
SKEW_SECONDS = 60
"""How far this node's clock may be behind or ahead before a token counts as ended."""

_SUBJECT = "system:serviceaccount"
_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_URL_SAFE = str.maketrans("-_", "+/")


def annotation_key(annotation: Literal["own", "ack"]) -> str:
    """Return the annotation that names roles, by the configuration's `service-account-annotation`."""
    return ACK_ANNOTATION if annotation == "ack" else OWN_ANNOTATION


class Claims(NamedTuple):
    """What a token says. `expiration` is in seconds since the epoch by the cluster's clock."""

    namespace: str
    name: str
    uid: str
    """Empty where the token does not say."""
    issuer: str
    audiences: tuple[str, ...]
    expiration: float

    @property
    def subject(self) -> str:
        """The token's `sub`, which trust policies compare."""
        return f"{_SUBJECT}:{self.namespace}:{self.name}"

    def __str__(self) -> str:
        """Return what messages call it."""
        return f"ServiceAccount {self.namespace}/{self.name}"


def parse_claims(token: str) -> Claims:
    """Return the claims of a ServiceAccount's token. Raises NotServed, quoting nothing, for anything that is none."""
    try:
        return _claims(token)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise NotServed("the request's serviceAccountToken is no token of a ServiceAccount") from None


def check_claims(claims: Claims, now: float) -> None:
    """Raise NotServed for a token that is for others, or has ended."""
    if AUDIENCE not in claims.audiences:
        raise NotServed(
            f"the token of {claims} is not for {AUDIENCE}: serviceAccountTokenAudience in the provider file must say so"
        )
    if claims.expiration + SKEW_SECONDS <= now:
        raise NotServed(f"the token of {claims} has ended by this node's clock: is the clock right?")


def _claims(token: str) -> Claims:
    header, payload, signature = token.split(".")
    if len(token) > MAXIMUM_TOKEN or not all(
        part and _CHARACTERS.issuperset(part) for part in (header, payload, signature)
    ):
        raise ValueError
    fields = parse_json(binascii.a2b_base64(payload.translate(_URL_SAFE) + "=" * (-len(payload) % 4)))
    if type(fields) is not dict:
        raise ValueError
    first, second, namespace, name = fields["sub"].split(":")
    bound = fields.get("kubernetes.io") or {}
    account = bound.get("serviceaccount") or {}
    told = (bound.get("namespace", namespace), account.get("name", name))
    named = namespace and name and _NAME.issuperset(namespace + name)
    if f"{first}:{second}" != _SUBJECT or not named or told != (namespace, name):
        raise ValueError
    audiences = fields["aud"] if type(fields["aud"]) is list else [fields["aud"]]
    texts = (fields["iss"], account.get("uid", ""), *audiences)
    if not all(type(text) is str for text in texts) or type(fields["exp"]) not in (int, float):
        raise ValueError
    expiration = float(fields["exp"])
    if not math.isfinite(expiration):
        raise ValueError
    return Claims(namespace, name, account.get("uid", ""), fields["iss"], tuple(audiences), expiration)
