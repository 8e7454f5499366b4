"""The node's `config.yaml` as the agent leaves it, and what it keeps beside it.

    config.yaml                 in force
    config.yaml.before-agent    a person's, from before the ConfigMap
    config.yaml.refused         what the ConfigMap says, being checked, or wrong: messages name its lines
    .config.yaml.agent          checksums by which we know our own file again

Content that is there already is not written again: the file's stat is the fingerprint of the ready answers.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from typing import TypeVar

from provider.kubernetes.configuration_text import HEAD
from provider.node.files import File, NodeError, State, Tree, sync_folder, unlink

Wrong = TypeVar("Wrong")


class ConfigFile:
    """The file at a path of a tree, where it is ours; and what is kept beside it."""

    def __init__(self, path: str, tree: Tree | None = None) -> None:
        self.path = path
        self._folder, _, name = path.rpartition("/")
        self._before = f"{path}.before-agent"
        self._refused = f"{path}.refused"
        self._mark = f"{self._folder}/.{name}.agent"
        self._tree = tree or Tree()

    def is_persons(self) -> bool:
        """Tell whether there is a file that is not ours: in force, or kept until the ConfigMap goes."""
        return self._is_there(self._before) or (self._is_there(self.path) and not self._is_ours())

    def put(self, content: bytes, check: Callable[[str, bytes], Wrong | None]) -> Wrong | None:
        """Put the content in force if `check` finds it good, in the file that it is given; else return what it found.

        Raises NodeError, OSError.
        """
        if self._has(self.path, content):
            wrong = check(self._at(self.path), content)
            if wrong is None:
                self._remember(content)
                unlink(self._at(self._refused))
            return wrong
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._at(self._folder), 0o755)
        if not self._has(self._refused, content):
            self._tree.put(self._refused, _private(content))
        wrong = check(self._at(self._refused), content)
        if wrong is not None:
            return wrong
        self._remember(content)
        if self._is_there(self.path) and not self._is_ours():
            self._keep_aside()
        self._rename(self._refused, self.path)
        sync_folder(os.path.dirname(self._at(self.path)))
        return None

    def take_back(self) -> None:
        """Let a person's file count again, or none. Raises OSError, NodeError."""
        if not self._is_there(self.path) or self._is_ours():
            try:
                self._rename(self._before, self.path)
            except FileNotFoundError:
                unlink(self._at(self.path))
        elif self._is_kept():
            unlink(self._at(self._before))
        for path in (self._refused, self._mark):
            unlink(self._at(path))

    def _keep_aside(self) -> None:
        """Keep a person's file under the other name; it stays in force until ours takes its place."""
        temporary = f"{self._before}.new"
        unlink(self._at(temporary))
        try:
            os.link(self._at(self.path), self._at(temporary), follow_symlinks=False)
        except OSError:
            # Another owner's, which may not be linked; or a disk that knows no links.
            temporary = self.path
        self._rename(temporary, self._before)
        if temporary != self.path:
            # Two names of one file, after a cut, stay both at a rename.
            unlink(self._at(temporary))

    def _is_kept(self) -> bool:
        """Tell whether the person's file is in force and kept as well, since the agent was cut short."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.lstat(self._at(self.path)), os.lstat(self._at(self._before)))
        return False

    def _is_ours(self) -> bool:
        """Tell whether we wrote the file, or somebody changed what we had written, whose first line forbids that."""
        known = self._checksums()
        found = self._state(self.path)
        if not known or not isinstance(found, File):
            return False
        return checksum(found.content) in known or found.content.startswith(HEAD.encode())

    def _at(self, path: str) -> str:
        """Return where a path really is, which is how the system and a check are told of it."""
        return self._tree.at(path)

    def _is_there(self, path: str) -> bool:
        return os.path.lexists(self._at(path))

    def _rename(self, path: str, other: str) -> None:
        os.rename(self._at(path), self._at(other))

    def _has(self, path: str, content: bytes) -> bool:
        found = self._state(path)
        return found == _private(content)

    def _state(self, path: str) -> State:
        """Return what is there; None also for what may not be read, which is somebody else's."""
        try:
            return self._tree.state(path)
        except NodeError:
            return None

    def _checksums(self) -> list[str]:
        found = self._state(self._mark)
        return found.content.decode(errors="replace").split() if isinstance(found, File) else []

    def _remember(self, content: bytes) -> None:
        """Write down, before it is in force, that this content is ours; what is in force now still is."""
        known, new = self._checksums(), checksum(content)
        if new not in known:
            found = self._state(self.path)
            now = checksum(found.content) if isinstance(found, File) else ""
            lines = [line for line in known if line == now] + [new]
            self._tree.put(self._mark, _private("".join(f"{line}\n" for line in lines).encode()))


def checksum(content: bytes) -> str:
    """Return what a content is known by."""
    return hashlib.sha256(content).hexdigest()


def _private(content: bytes) -> File:
    return File(content, 0o600, os.geteuid(), os.getegid())
