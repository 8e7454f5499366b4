"""What a bundle consists of: its own list of checksums, and what differs from it.

`SHA256SUMS` is written by the build, in the format of sha256sum(1). The program itself names its loader by its place
(see `provider.node.interpreter`); its checksum is that of a bundle in `HOME`.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping

from provider.node.files import NodeError
from provider.node.interpreter import Unsuitable, interpreter_of, with_interpreter
from provider.places import PROGRAM

HOME = f"/opt/{PROGRAM}"
"""Where bundles are, if nothing speaks against it; the build writes a loader's path below it into the program."""

DOCKER_HELPER = "docker-credential-aliyun-acr"
LIBRARIES = "_internal"
SUMS = "SHA256SUMS"
NODE_FILES = "node"
"""The folder of what install puts elsewhere on the node: units, tmpfiles.d."""

LINKS = {DOCKER_HELPER: PROGRAM}
"""The symbolic links of a bundle, and what they point to."""

_LINE = re.compile(r"([0-9a-f]{64})  (?:\./)?([^/].*)")


def mode_of(name: str) -> int:
    """Return the mode of a bundle's file: only the program, the loader and the libraries may be executed."""
    base = name.rpartition("/")[2]
    return 0o755 if name == PROGRAM or ".so" in base else 0o644


def checksums(folder: str) -> dict[str, str]:
    """Return what a bundle is to consist of: from each file's name in it to its SHA-256.

    Raises NodeError where the list is missing, torn, or leads out of the folder.
    """
    path = f"{folder}/{SUMS}"
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        raise NodeError(f"{path}: cannot be read: this bundle is not whole") from None
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or ".." in match[2].split("/"):
            raise NodeError(f"{path}: is torn: this bundle is not whole")
        found[match[2]] = match[1]
    if PROGRAM not in found or not text.endswith("\n"):
        raise NodeError(f"{path}: is torn: this bundle is not whole")
    return found | {SUMS: _sha256(text.encode())}


def program_for(content: bytes, prefix: str, version: str) -> bytes:
    """Return the program as it is when its bundle is in PREFIX/VERSION.

    Raises NodeError for what is no program of ours, or a prefix that is too long.
    """
    try:
        loader = interpreter_of(content).rpartition("/")[2]
        return with_interpreter(content, f"{prefix}/{version}/{LIBRARIES}/{loader}")
    except Unsuitable as error:
        raise NodeError(f"{prefix}/{version}/{PROGRAM}: {error}") from None


def with_program(sums: Mapping[str, str], content: bytes, prefix: str, version: str) -> dict[str, str]:
    """Return the checksums of the same bundle in PREFIX/VERSION; `content`: the program's, wherever it comes from.

    Raises NodeError where the program is not the one that the checksums were made of.
    """
    if _sha256(program_for(content, HOME, version)) != sums[PROGRAM]:
        raise NodeError(f"{PROGRAM}: is damaged: this bundle is not whole")
    return {**sums, PROGRAM: _sha256(program_for(content, prefix, version))}


def differences(folder: str, sums: Mapping[str, str]) -> list[str]:
    """Return the names of what is missing in a bundle, is too much, or is not what it is to be, sorted.

    Content, mode, owner and kind count. Nothing: the bundle is whole.
    """
    found = set(_names(folder))
    wanted = sums.keys() | LINKS.keys()
    wrong = {name for name in wanted & found if not _is_right(f"{folder}/{name}", name, sums.get(name, ""))}
    return sorted(wanted ^ found | wrong)


def read(folder: str, name: str) -> bytes:
    """Return a file's content. Raises NodeError."""
    path = f"{folder}/{name}"
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise NodeError(f"{path}: {error.strerror}: this bundle is not whole") from None


def read_checked(folder: str, name: str, sha256: str) -> bytes:
    """Return a file's content. Raises NodeError where it is not what it is to be."""
    content = read(folder, name)
    if _sha256(content) != sha256:
        raise NodeError(f"{folder}/{name}: is damaged: this bundle is not whole")
    return content


def _names(folder: str) -> Iterator[str]:
    """Yield the names of all files and links below a folder, and of folders that a bundle has not: empty ones."""
    for path, folders, files in os.walk(folder):
        below = path[len(folder) + 1 :]
        start = f"{below}/" if below else ""
        yield from (start + name for name in files)
        yield from (start + name for name in folders if os.path.islink(f"{path}/{name}"))
        if below and not folders and not files:
            yield below


def _is_right(path: str, name: str, sha256: str) -> bool:
    try:
        found = os.lstat(path)
        if name in LINKS:
            return stat.S_ISLNK(found.st_mode) and os.readlink(path) == LINKS[name]
        if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) != mode_of(name):
            return False
        if found.st_uid not in (0, os.geteuid()):
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
