"""Delivery by the kubelet's `config.json`: what install writes down, so that the timer does it."""

import os
from collections.abc import Iterator

from provider.node.detect.found import Found
from provider.node.docker_config import BEFORE, CHOSEN, NAME, Chosen, NotADockerConfig, check, parse_chosen
from provider.node.files import Change, File, NodeError, Tree
from provider.node.record import DATA
from provider.places import PROGRAM

UNITS = "/etc/systemd/system"
WRITERS = (f"{PROGRAM}-warm.service", f"{PROGRAM}-renew.service")
"""The units that deliver; they may write in the state directory alone, without this."""
DROP_IN = "50-docker-config.conf"


def choose_changes(tree: Tree, found: Found, *, data: str = DATA, proc: str = "/proc") -> list[Change]:
    """Return what has the timer deliver to this kubelet; the entries themselves are the timer's.

    Raises NodeError where the kubelet's file cannot be read, or where a new one would hide another that it reads now:
    it takes the first that it finds.
    """
    path = f"{found.root_dir}/{NAME}"
    state = tree.state(tree.resolve(path))
    if state is None:
        for other in _read_instead(found, proc):
            if tree.state(tree.resolve(other)) is not None:
                raise NodeError(
                    f"{other} is what the kubelet reads now, and {path} would hide it: move it there, and install again"
                )
    elif not isinstance(state, File):
        raise NodeError(f"{path}: is no file")
    else:
        try:
            check(state.content)
        except NotADockerConfig as error:
            raise NodeError(f"{path}: {error.message}") from None
    place = f"{data}/{CHOSEN}"
    before = tree.state(place)
    known = parse_chosen(before.content, place) if isinstance(before, File) else None
    after = before
    if known is None or known.path != path:
        after = File(Chosen(path, state.mode if isinstance(state, File) else None, {}).dump(), 0o600)
    changes = [Change(place, before, after)]
    found_place = f"{data}/{BEFORE}"
    if known is None and isinstance(state, File):
        changes.append(Change(found_place, tree.state(found_place), File(state.content, 0o600)))
    for unit in WRITERS:
        place = f"{UNITS}/{unit}.d/{DROP_IN}"
        content = f"# Written by {PROGRAM} install --delivery docker-config.\n[Service]\n"
        content += f"ReadWritePaths=-{found.root_dir} -{data}/node\n"
        changes.append(Change(place, tree.state(place), File(content.encode())))
    return [change for change in changes if change.before != change.after]


def _read_instead(found: Found, proc: str) -> Iterator[str]:
    """Yield the other files that this kubelet would read: in its working directory and in `.docker` of its home."""
    home, working = "", "/"
    if found.process is not None:
        try:
            with open(f"{proc}/{found.process.pid}/environ", "rb") as file:
                variables = file.read().split(b"\0")
            home = next((each[5:].decode() for each in variables if each.startswith(b"HOME=")), "")
            working = os.readlink(f"{proc}/{found.process.pid}/cwd")
        except (OSError, UnicodeDecodeError):
            home = "/root"
    yield from dict.fromkeys((os.path.join(working, NAME), os.path.join(home or working, ".docker", NAME),
                              f"/.docker/{NAME}"))  # fmt: skip
