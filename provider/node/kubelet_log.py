"""What the kubelet's log says of credential providers, and what that means. Pure.

The texts are the kubelet's own, of 1.24 to 1.37.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from provider.places import PROGRAM

ABOUT = re.compile(r"credential ?provider|CredentialProvider|CRI auth plugins|plugin binary", re.IGNORECASE)
OTHERS = re.compile(r"credential provider plugin (\S+) for image|plugin binary executable \S*/([^/\s]+) did")
LONGEST = 400
"""Characters of a line that are shown."""

AGAIN = "`install.sh` of the archive, or the package installed anew, brings it back"


class Meaning(NamedTuple):
    """What a line means."""

    pattern: re.Pattern[str]
    text: str
    of_everything: bool
    """Whether no pull can work; else it is of one image, or of nothing that is wrong."""


MEANINGS = tuple(
    Meaning(re.compile(pattern, re.IGNORECASE), text, everything)
    for pattern, text, everything in (
        (
            r"is missing or does not run on this node",
            f"a stand-in answers for the program, so that the kubelet starts: {AGAIN}",
            True,
        ),
        (
            rf"exit status \d+: {PROGRAM}: ",
            "we refused, and the words behind the program's name say why; the kubelet went on with its other "
            "credentials, or anonymously",
            False,
        ),
        (
            r"register CRI auth plugins|plugin binary (executable|directory) .* did not exist",
            "the kubelet did not start with this provider file or bin directory; what is behind the last colon is the "
            f"cause. `{PROGRAM} status` shows how it is now",
            True,
        ),
        (
            r"fork/exec ",
            f"the kubelet could not run the program: {AGAIN}",
            True,
        ),
        (
            r"context deadline exceeded|signal: killed",
            "the program was stopped after a minute, or by the kernel for want of memory: what it waited for is in "
            f"`journalctl -t {PROGRAM}`",
            False,
        ),
        (
            r"error decoding credential provider plugin response|did not match expected apiVersion|valid cacheKeyType|"
            r"unexpected (Kind|Group)",
            "the kubelet does not understand the answer: what is in the bin directory is not this program, or is of "
            "another version",
            True,
        ),
        (
            r"service account",
            "the kubelet could not get the pod's ServiceAccount or its token, so it did not ask us: the nodes need the "
            "verb request-serviceaccounts-token-audience on the audience",
            False,
        ),
        (
            r"error execing credential provider plugin",
            "the program ended without a word: `journalctl -k` tells whether the kernel ended it",
            False,
        ),
    )
)
"""The first one that matches counts."""


def lines_about_us(lines: Sequence[str]) -> list[str]:
    """Return the kubelet's lines that speak of credential providers, without those of other providers."""
    found = []
    for line in lines:
        other = OTHERS.search(line)
        names_another = other is not None and PROGRAM not in (other[1], other[2])
        if (PROGRAM in line or ABOUT.search(line)) and not names_another:
            one_line = " ".join(line.split())
            found.append(one_line if len(one_line) <= LONGEST else f"{one_line[:LONGEST]}…")
    return found


def explained(line: str, host: str) -> tuple[str, bool]:
    """Return what a line means, and whether it is a fault: of everything, or of the host that is asked about."""
    for meaning in MEANINGS:
        if meaning.pattern.search(line):
            return meaning.text, meaning.of_everything or bool(host and f"for image {host}/" in line)
    return "nothing that is wrong", False
