"""What the agent wrote down of the cluster: its date, which decides the identity in `token-mode: auto`, and its id."""

import json
import re
from datetime import UTC, date, datetime

from provider.errors import ConfigurationError

LIMIT = 4096
"""Bytes that are read of the file."""

CLUSTER_ID = re.compile(r"c[0-9a-z]{3,63}")


def created_on(path: str) -> date | None:
    """Return the day (UTC) on which the namespace kube-system was made, as the agent wrote it down.

    None where it is not known, or not to this user.
    The file is a JSON object with `created`, in RFC 3339. Raises ConfigurationError for anything else in it, since
    another date is another identity.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(LIMIT)
    except (FileNotFoundError, PermissionError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        created = datetime.fromisoformat(json.loads(text)["created"])
        return (created if created.tzinfo else created.replace(tzinfo=UTC)).astimezone(UTC).date()
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        message = f'{path}: is not of the form {{"created": "2023-04-03T00:00:00Z"}}; the agent writes it anew'
        raise ConfigurationError(message) from None


def cluster_id(path: str) -> str:
    """Return the id of the ACK cluster from the same file (`clusterId`); empty where it is not known."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(LIMIT))["clusterId"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ""
    return found if isinstance(found, str) and CLUSTER_ID.fullmatch(found) else ""
