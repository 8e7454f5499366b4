"""RRSA: a RAM role for the agent's ServiceAccount, by the token that the agent copies to a file of ours."""

import re
from typing import TYPE_CHECKING

from provider.errors import Refused
from provider.identity.files import read_private
from provider.identity.session import Session

if TYPE_CHECKING:
    from provider.cloud.cloud import Cloud

WHAT = "the RRSA token"
REMEDY = "does the agent run on this node, with RRSA switched on?"

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{4,20000}")


def rrsa_session(cloud: "Cloud", token_file: str, role_arn: str, provider_arn: str, policy: str = "") -> Session:
    """Return a session of `role_arn`. Raises Refused or Unreachable."""
    return cloud.sts.assume_role_with_oidc(role_arn, provider_arn, read_token(token_file), policy=policy)


def read_token(path: str) -> str:
    """Return the token in a file, without the blanks around it, which would spoil it."""
    token = read_private(path, WHAT, REMEDY).decode("utf-8", "replace").strip()
    if not _TOKEN.fullmatch(token):
        raise Refused(f"{WHAT} in {path} is no token (4 to 20000 characters, no blanks): {REMEDY}")
    return token
