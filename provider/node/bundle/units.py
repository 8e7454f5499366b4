"""The units of systemd and the lines of tmpfiles.d that go with the bundle, as changes to the node's files."""

import re

from provider.node.bundle.contents import HOME
from provider.node.bundle.prefix import is_package
from provider.node.bundle.source import Source
from provider.node.files import Change, File, Link, Tree
from provider.places import PROGRAM

UNITS = "/etc/systemd/system"
TMPFILES = "/etc/tmpfiles.d"
TIMERS = (f"{PROGRAM}-renew.timer", f"{PROGRAM}-repair.timer")
"""What is to be started when it was enabled just now; the rest comes with the next boot."""

_WANTED_BY = re.compile(r"^WantedBy=(\S+)$", re.MULTILINE)


def unit_changes(tree: Tree, prefix: str, source: Source) -> list[Change]:
    """Return what is to change for the source's units to be there, with the paths of our prefix in them.

    A unit is enabled when it is new: what somebody disabled stays so, and so does a link that somebody made in a
    unit's place (masked). A package has units of its own: nothing. The folders that these need are the caller's.
    """
    if is_package(tree):
        return []
    changes: list[Change] = []
    for name, text in source.node_files("systemd").items():
        path = f"{UNITS}/{name}"
        state = tree.state(path)
        if isinstance(state, Link):
            continue
        if state is None:
            # Before the unit itself: a run that was cut short in between leaves a unit that is still new.
            links = [f"{UNITS}/{target}.wants/{name}" for target in _WANTED_BY.findall(text)]
            changes += [Change(link, None, Link(path)) for link in links if tree.state(link) is None]
        changes.append(Change(path, state, _file(text, prefix)))
    for name, text in source.node_files("tmpfiles.d").items():
        path = f"{TMPFILES}/{name}"
        changes.append(Change(path, tree.state(path), _file(text, prefix)))
    return [change for change in changes if change.before != change.after]


def unit_removals(tree: Tree) -> list[Change]:
    """Return what is to change for no unit of ours to be left, enabled or not, of whichever version.

    What enables a unit goes after it: a unit that is there without would be taken for one that somebody disabled.
    """
    if is_package(tree):
        return []
    names = [name for name in tree.names(UNITS) if _is_ours(name)]
    wants = [folder for folder in tree.names(UNITS) if folder.endswith(".wants")]
    paths = [f"{UNITS}/{folder}/{name}" for folder in wants for name in tree.names(f"{UNITS}/{folder}")]
    links = [path for path in paths if _is_ours(path.rpartition("/")[2])]
    files = [f"{UNITS}/{name}" for name in names] + [f"{TMPFILES}/{PROGRAM}.conf"]
    states = [(path, tree.state(path)) for path in [*files, *links]]
    return [Change(path, state, None) for path, state in states if isinstance(state, File | Link)]


def _is_ours(name: str) -> bool:
    return name.startswith(f"{PROGRAM}-") and name.endswith((".service", ".timer"))


def _file(text: str, prefix: str) -> File:
    return File(text.replace(f"{HOME}/", f"{prefix}/").encode())
