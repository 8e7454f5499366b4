"""The guard: a drop-in of the kubelet's unit that sees, before each start, that the kubelet can start.

A kubelet whose provider file or credential provider is missing exits at once, and its node is lost. The guard is one
file of plain sh within a unit's line, so it needs nothing else on the disk; and it never makes a start fail.
"""

import json
import shlex
from dataclasses import dataclass

from provider.node.kubelet_version import Version
from provider.node.provider_file.versions import CONFIG_GROUP, PROVIDER_GROUP, TOKENS, newest_api
from provider.places import PROGRAM

NAME = f"90-{PROGRAM}-guard.conf"
NO_IMAGE = "provider-file-is-missing.invalid"
"""What a provider file that the guard wrote has in matchImages."""

STANDS_IN = "# stands in for"
"""How the second line begins of what the guard puts in the program's place."""

RUNS_SECONDS = 5
"""How long the program may take to print its version. Slow is not broken: then nothing is changed."""


@dataclass(frozen=True, slots=True)
class TokensGuard:
    """A provider file with tokenAttributes of ours, with which a kubelet older than 1.34 does not start."""

    kubelet: str
    """The program that tells the kubelet's version."""
    provider_file: str
    """Also somebody else's that we joined."""
    without: str
    """The file to be put in its place: the same without them."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What is watched."""

    program: str
    """What the kubelet runs: a link in its bin directory."""
    target: str
    """What that link says."""
    provider_file: str
    """Our own provider file, which the kubelet's flag names; empty where we joined somebody else's."""
    pending: str
    """`DATA/node/pending`."""
    version: Version
    """The kubelet's, which decides the apiVersion of a provider file."""
    tokens: TokensGuard | None = None


def drop_in(guard: Guard) -> str:
    """Return the drop-in's text."""
    lines = [line for line in sh(guard).splitlines() if line.strip()]
    shown = "\n".join(f"  {_for_systemd(line)}\\n\\" for line in lines)
    return (
        f"# Written by {PROGRAM}: lets the kubelet start where our files are damaged or gone. Safe to remove once\n"
        "# the kubelet's flags name neither of them.\n"
        f"[Unit]\nAfter={PROGRAM}-rollback.service\n"
        "[Service]\n"
        f'ExecStartPre=-/bin/sh -c "\\\n{shown}\n  exit 0"\n'
    )


def sh(guard: Guard) -> str:
    """Return the script.

    Nothing in it may depend on how a line begins, which the drop-in indents; none begins with # or ;, which systemd
    takes for a comment.
    """
    script = _PROGRAM.format(
        name=PROGRAM,
        program=shlex.quote(guard.program),
        target=shlex.quote(guard.target),
        pending=shlex.quote(guard.pending),
        seconds=RUNS_SECONDS,
        stands_in=STANDS_IN,
    )
    if guard.provider_file:
        script += _PROVIDER_FILE.format(
            file=shlex.quote(guard.provider_file), least=shlex.quote(least_provider_file(guard.version))
        )
    if guard.tokens is not None:
        # In our own file nothing is lost with the least; somebody else's is left alone without a copy.
        has_copy, copy = '[ -s "$without" ] && ', 'cat "$without"'
        if guard.provider_file:
            has_copy, copy = "", f"{has_copy}{copy} || echo {shlex.quote(least_provider_file(guard.version))}"
        script += _TOKENS.format(
            has_copy=has_copy,
            copy=copy,
            file=shlex.quote(guard.tokens.provider_file),
            without=shlex.quote(guard.tokens.without),
            kubelet=shlex.quote(guard.tokens.kubelet),
            since=f"{TOKENS.major}.{TOKENS.minor}",
        )
    return script


def least_provider_file(version: Version) -> str:
    """Return the shortest provider file that a kubelet starts with; no image matches it."""
    entry = {
        "name": PROGRAM,
        "apiVersion": newest_api(PROVIDER_GROUP, version),
        "matchImages": [NO_IMAGE],
        "defaultCacheDuration": "0s",
    }
    api = newest_api(CONFIG_GROUP, version)
    return json.dumps({"apiVersion": api, "kind": "CredentialProviderConfig", "providers": [entry]})


def _for_systemd(line: str) -> str:
    """Return a line as it stands between double quotes of a unit's ExecStartPre=."""
    for found, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        line = line.replace(found, written)
    return line


# A change that no kubelet has started with yet is watched from this start on.
# 124, 143 (BusyBox): not in time; 137: killed, for want of memory. They say nothing of the program.
_PROGRAM = """\
program={program}
folder="${{program%/*}}"
new="$folder/.guard.new"
[ ! -e {pending}/unproven ] || systemctl --no-block start {name}-rollback.timer
limit=; command -v timeout >/dev/null && limit="timeout {seconds}"
say() {{ echo "{name}: $*" >&2; }}
runs() {{
[ -f "$1" ] && [ -x "$1" ] || return 1
$limit "$1" version </dev/null >/dev/null 2>&1
case $? in 0 | 124 | 137 | 143) return 0 ;; *) return 1 ;; esac
}}
if ! runs "$program"; then
mkdir -p "$folder"
rm -f "$new"
ln -s {target} "$new" && runs "$new" && mv -fT "$new" "$program" && say "$program is put right"
fi
if ! runs "$program" && ! grep -qs "^{stands_in}" "$program"; then
rm -f "$new"
echo "#!/bin/sh" >"$new"
echo "{stands_in} {name}, which is missing or does not run" >>"$new"
echo "echo {name} is missing or does not run on this node: install it again >&2; exit 1" >>"$new"
chmod 755 "$new" && mv -fT "$new" "$program" &&
say "$program is missing or does not run: a stand-in lets the kubelet start"
fi
rm -f "$new"
"""

_PROVIDER_FILE = """\
file={file}
if [ ! -s "$file" ]; then
new="${{file%/*}}/.guard.new"
mkdir -p "${{file%/*}}"
echo {least} >"$new"
chmod 644 "$new" && mv -fT "$new" "$file" &&
say "$file is missing: one that matches no image lets the kubelet start"
fi
"""

# A kubelet that does not tell its version in time is left alone: the next start asks again. In somebody else's file
# changes may be lost that are younger than the last repair, so it is kept.
_TOKENS = """\
file={file}
without={without}
if {has_copy}grep -qs tokenAttributes "$file" && ! cmp -s "$without" "$file"; then
case "$($limit {kubelet} --version </dev/null 2>/dev/null)" in
*" v1."[0-9].* | *" v1."[12][0-9].* | *" v1.3"[0-3].*)
new="${{file%/*}}/.guard.new"
kept=
(umask 077; rm -f "$without.instead"; cat "$file" >"$without.instead") 2>/dev/null &&
kept="; what was there is $without.instead"
cp -p "$file" "$new" && {{ {copy}; }} >"$new" && mv -fT "$new" "$file" &&
say "this kubelet is older than {since}: tokenAttributes are out of $file$kept"
rm -f "$new" ;;
esac
fi
"""
