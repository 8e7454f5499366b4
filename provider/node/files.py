"""The node's files as values, and the tree that they are in: this machine's, or that of an image.

What `put` writes is there wholly or not at all, also after a loss of power: temporary file, fsync, rename, fsync of the
folder. Temporary names end in `.new`: a kubelet reads every `.yaml`, `.yml` and `.json` of a directory of providers.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from provider.errors import ProviderError

LINKS = 40
"""How many symbolic links are followed at most; Linux's own limit."""

LABEL = "security.selinux"


class NodeError(ProviderError):
    """The node refused: a file, a directory or a command of its own."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    content: bytes = field(repr=False)
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    modified: int | None = field(default=None, compare=False)
    """When it was written, in nanoseconds since 1970, where it was read from a tree; `put` does not mind it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory; what is in it has paths of its own."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


State = File | Link | Folder | None
"""What is at a path; None: nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a path, which is absolute and as the node sees it."""

    path: str
    before: State
    after: State


class Tree:
    """The node's file system: this machine's (`root` empty), or the one under a folder, whose links stay inside it."""

    def __init__(self, root: str = "") -> None:
        self.root = root.rstrip("/")

    def resolve(self, path: str) -> str:
        """Return the path, as the node sees it, that a chain of links ends at; nothing need be there.

        Raises NodeError for links that go in circles.
        """
        return self._resolve(path, last=True)

    def at(self, path: str) -> str:
        """Return where a path really is; links on the way are followed, one at its end is not."""
        return self.root + self._resolve(path, last=False)

    def state(self, path: str) -> State:
        """Return what is at a path. Raises NodeError for what is neither file, link nor folder, or cannot be read."""
        place = self.at(path)
        with _named(path):
            try:
                found = os.lstat(place)
            except (FileNotFoundError, NotADirectoryError):
                return None
            mode = stat.S_IMODE(found.st_mode)
            if stat.S_ISLNK(found.st_mode):
                return Link(os.readlink(place))
            if stat.S_ISDIR(found.st_mode):
                return Folder(mode, found.st_uid, found.st_gid)
            if not stat.S_ISREG(found.st_mode):
                raise NodeError(f"{path}: is neither a file nor a directory")
            with open(place, "rb") as file:
                return File(file.read(), mode, found.st_uid, found.st_gid, found.st_mtime_ns)

    def text(self, path: str) -> str | None:
        """Return a file's text, links followed; None where there is no file. Raises NodeError for other than UTF-8."""
        found = self.state(self.resolve(path))
        if not isinstance(found, File):
            return None
        try:
            return found.content.decode()
        except UnicodeDecodeError:
            raise NodeError(f"{path}: is not UTF-8 text") from None

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder, sorted; nothing where there is none."""
        try:
            return sorted(os.listdir(self.root + self.resolve(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise NodeError(f"{folder}: cannot be listed: {error.strerror}") from None

    def put(self, path: str, state: State) -> None:
        """Make the path what `state` says, wholly or not at all. The folder that it is in must be there.

        Raises NodeError.
        """
        place = self.at(path)
        folder, _, name = place.rpartition("/")
        # One name for all: whoever writes here holds a lock, and what a cut leaves is found by the next.
        temporary = f"{folder}/.{name}.new"
        with _named(path):
            match state:
                case None:
                    _remove(place)
                case Folder():
                    _make_folder(place, state)
                case Link():
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(temporary)
                    os.symlink(state.target, temporary)
                    os.rename(temporary, place)
                case File():
                    _write(temporary, place, state)
            sync_folder(folder or "/")

    def _resolve(self, path: str, *, last: bool) -> str:
        """Return the path without links on the way; at its end too where `last`."""
        done: list[str] = []
        parts = [part for part in path.split("/") if part]
        followed = 0
        while parts:
            part = parts.pop(0)
            if part == ".":
                continue
            if part == "..":
                del done[-1:]
                continue
            place = "/".join([self.root, *done, part])
            if (last or parts) and os.path.islink(place):
                followed += 1
                if followed > LINKS:
                    raise NodeError(f"{path}: its symbolic links go in circles")
                target = os.readlink(place)
                if target.startswith("/"):
                    done = []
                parts = [*(piece for piece in target.split("/") if piece), *parts]
                continue
            done.append(part)
        return "/" + "/".join(done)


def sync_folder(folder: str) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Turn what the system says into one line that names the path."""
    try:
        yield
    except OSError as error:
        raise NodeError(f"{path}: {error.strerror}") from None


def _remove(place: str) -> None:
    try:
        os.unlink(place)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        os.rmdir(place)


def unlink(path: str) -> None:
    """Take a file away, where there is one. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _make_folder(place: str, folder: Folder) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(place, 0o700)
    if not os.path.isdir(place):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    os.chown(place, folder.uid, folder.gid)
    os.chmod(place, folder.mode)


def _write(temporary: str, place: str, file: File) -> None:
    unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as out:
            out.write(file.content)
            out.flush()
            _give_to(descriptor, file.uid, file.gid)
            os.fchmod(descriptor, file.mode)
            _keep_label(place, descriptor)
            os.fsync(descriptor)
        os.rename(temporary, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _give_to(descriptor: int, uid: int, gid: int) -> None:
    """Change the owner where it is another: the hardened units may not call chown at all."""
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.fchown(descriptor, uid, gid)


def _keep_label(place: str, descriptor: int) -> None:
    """Give a file that replaces another that one's SELinux label."""
    with contextlib.suppress(OSError):
        os.setxattr(descriptor, LABEL, os.getxattr(place, LABEL))
