"""The changes of a node, one folder each: what was before, how to go back, and which of them is in force.

    DATA/node/generations/N/    record.json, undo.sh, before/ (to go back), original/ (as the first install found it)
    DATA/node/pending           link to a change that is under way, or that no kubelet has started with yet
    DATA/node/installed         link to the change in force: making it is the commit

Everything of a change is on the disk before the first file of the node is touched.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from provider.node import record as records
from provider.node.files import Change, File, Link, NodeError, Tree
from provider.node.lock import FOLDER, PRIVATE, lock
from provider.node.record import DATA, INSTALLED, NODE, PENDING, Kept, KeptFile, Record, kept_state
from provider.node.undo import RESTARTING, UNPROVEN, Undo, Way, script
from provider.node.way_back import NAME as WAY_BACK
from provider.node.way_back import dump_way_back, way_back


@dataclass(frozen=True, slots=True)
class Generation:
    """A change that has a folder."""

    name: str
    """`generations/N`."""
    changes: tuple[Change, ...]
    removes: bool

    @property
    def folder(self) -> str:
        """Return where it is."""
        return f"{NODE}/{self.name}"


class Generations:
    """All changes of one tree. `run_undo` runs a command line and returns its exit status."""

    def __init__(self, tree: Tree, run_undo: Callable[[Sequence[str]], int]) -> None:
        self._tree = tree
        self._run_undo = run_undo

    def lock(self) -> AbstractContextManager[None]:
        """Keep all other node commands out. Raises NodeError when another one is still at work after two minutes."""
        return lock(self._tree)

    def installed(self) -> str:
        """Return the name of the generation in force, empty for none."""
        return self._link(INSTALLED)

    def pending(self) -> str:
        """Return the name of the generation that is under way or not proven, empty for none."""
        return self._link(PENDING)

    def is_unproven(self) -> bool:
        """Tell whether no kubelet has shown yet that it starts with what is in force."""
        return self._tree.state(f"{PENDING}/{UNPROVEN}") is not None

    def record(self) -> Record | None:
        """Return the record in force; None where there is none, or one that cannot be read any more."""
        try:
            return records.read(self._tree)
        except NodeError:
            return None

    def programs(self) -> set[str]:
        """Return the versions of the program in force, and that a pending change goes back to."""
        kept, names = set(), {self.installed()}
        with contextlib.suppress(NodeError):
            names |= {way_back(self._tree, PENDING)[0]} if self.pending() else set()
        for name in names - {""}:
            with contextlib.suppress(NodeError):
                found = records.read(self._tree, f"{NODE}/{name}")
                kept |= {found.program} if found is not None else set()
        return kept

    def begin(
        self, changes: Sequence[Change], record: Record | None, unit: str, *, ran: bool, words: tuple[str, ...] = ()
    ) -> Generation:
        """Write all that it takes to go back; `record` None: the change takes everything of ours away.

        `record.changes` is filled in here: what the first install found, and what this one leaves. `words`: the flags
        that are set, to be taken out of a file that others have changed when one goes back.
        """
        previous = self.installed()
        # Changes that no kubelet has started with are undone together, in one go.
        unproven = previous if self.pending() == previous and self.is_unproven() else ""
        proven, back = way_back(self._tree, f"{NODE}/{unproven}") if unproven else (previous, {})
        self._remove_all_but(previous, proven)
        numbers = [int(name) for name in self._tree.names(FOLDER) if name.isdigit()]
        name = f"generations/{max(numbers, default=0) + 1}"
        generation = Generation(name, tuple(changes), record is None)
        for folder in ("", "/before", "/after", "/original"):
            self._tree.put(f"{generation.folder}{folder}", PRIVATE)
        for change in changes:
            # What an unproven change found is what is to come back.
            earlier = back.get(change.path)
            back[change.path] = change if earlier is None else replace(change, before=earlier.before)
        ways = [self._way(generation, index, change) for index, change in enumerate(back.values())]
        if record is not None:
            kept = self._kept(generation, self.record())
            self._tree.put(f"{generation.folder}/{records.NAME}", File(replace(record, changes=kept).dump(), 0o600))
        self._tree.put(f"{generation.folder}/{WAY_BACK}", File(dump_way_back(proven, ways), 0o600))
        undo = Undo(self._tree.resolve(NODE), name, proven, record is None, unit, ran, tuple(ways), words)
        self._tree.put(f"{generation.folder}/undo.sh", File(script(undo).encode(), 0o700))
        self._tree.put(PENDING, Link(name))
        return generation

    def commit(self, generation: Generation, *, unproven: bool) -> None:
        """Let the change be in force. `unproven`: a kubelet has yet to start with it."""
        if unproven:
            self._mark_unproven(generation.folder)
        self._tree.put(INSTALLED, None if generation.removes else Link(generation.name))
        if not unproven:
            self.settle()

    def mark_restarting(self) -> None:
        """Write down that the kubelet is about to be restarted, so that going back restarts it too."""
        self._tree.put(f"{PENDING}/{RESTARTING}", File(b"", 0o600))

    def settle(self) -> None:
        """Forget how to go back: the kubelet is well."""
        name = self.pending()
        if not name:
            return
        for file in (UNPROVEN, RESTARTING):
            self._tree.put(f"{NODE}/{name}/{file}", None)
        self._tree.put(PENDING, None)
        self._remove_all_but(self.installed())

    def undo(self) -> None:
        """Put back what was before the pending change, whatever the kubelet's health. Raises NodeError."""
        self._undo("now")

    def recover(self) -> str:
        """Look after what is pending: undo a change without commit, or one that a kubelet does not start with.

        Returns a line for people where something was put back, else nothing.
        """
        name, installed = self.pending(), self.installed()
        if not name:
            return ""
        if self._tree.state(f"{PENDING}/undo.sh") is None:
            # Its disk was cleaned: there is nothing to go back with.
            self._tree.put(PENDING, None)
            return ""
        self._undo("locked")
        if self.pending():
            return ""
        if name != installed:
            return "an earlier change was cut short, and is put back"
        return (
            "" if self.installed() == installed else "the kubelet did not stay with an earlier change: it is put back"
        )

    def remove(self) -> None:
        """Take away all that is kept here, and the data directory with it where nothing else is in it."""
        shutil.rmtree(self._tree.at(NODE))
        if not self._tree.names(DATA):
            self._tree.put(DATA, None)

    def original(self, kept: Kept) -> bytes | None:
        """Return the content that a file had before the first install; None where its copy is gone."""
        copy = kept.before.copy if isinstance(kept.before, KeptFile) else ""
        state = self._tree.state(f"{INSTALLED}/{copy}") if copy else None
        return state.content if isinstance(state, File) else None

    def _undo(self, mode: str) -> None:
        place = f"{NODE}/{self.pending()}/undo.sh"
        status = self._run_undo(["sh", self._tree.at(place), mode, self._tree.root])
        if status:
            raise NodeError(f"{place} ended with exit status {status}, and what was before may not all be back")

    def _way(self, generation: Generation, index: int, change: Change) -> Way:
        """Keep copies of what a path has before and after a change. Links above it stay inside the tree."""
        names = []
        for when, state in (("before", change.before), ("after", change.after)):
            names.append(f"{when}/{index}" if isinstance(state, File) else "")
            if isinstance(state, File):
                copy = f"{generation.folder}/{names[-1]}"
                self._tree.put(copy, state)
                if state.modified is not None:
                    # It comes back as old as it was: a kubelet that started after that has read it.
                    os.utime(self._tree.at(copy), ns=(state.modified, state.modified))
        folder, _, name = change.path.rpartition("/")
        return Way(replace(change, path=f"{self._tree.resolve(folder).rstrip('/')}/{name}"), *names)

    def _kept(self, generation: Generation, earlier: Record | None) -> tuple[Kept, ...]:
        """Return what is to be recorded; what an earlier install found stays, and its copies with it."""
        kept: dict[str, Kept] = {}
        for old in earlier.changes if earlier is not None else ():
            before = old.before
            if isinstance(before, KeptFile):
                copy = f"original/{len(kept)}"
                content = self.original(old)
                if content is not None:
                    self._tree.put(f"{generation.folder}/{copy}", File(content, before.mode, before.uid, before.gid))
                before = replace(before, copy=copy if content is not None else "")
            kept[old.path] = Kept(old.path, before, old.after)
        for change in generation.changes:
            if change.path in kept:
                kept[change.path] = replace(kept[change.path], after=kept_state(change.after))
                continue
            copy = ""
            if isinstance(change.before, File):
                copy = f"original/{len(kept)}"
                self._tree.put(f"{generation.folder}/{copy}", change.before)
            kept[change.path] = Kept(change.path, kept_state(change.before, copy), kept_state(change.after))
        return tuple(kept.values())

    def _mark_unproven(self, folder: str) -> None:
        """The moment counts from boot, as a process's start does; a real clock may be turned."""
        boot = _read("/proc/sys/kernel/random/boot_id")
        moment = int(float(_read("/proc/uptime").split()[0]))
        if self._tree.root:
            # An image: every start is a later one.
            boot = "none"
        self._tree.put(f"{folder}/{UNPROVEN}", File(f"{boot} {moment}\n".encode(), 0o600))

    def _remove_all_but(self, *names: str) -> None:
        for number in self._tree.names(FOLDER):
            if f"generations/{number}" not in names:
                shutil.rmtree(self._tree.at(f"{FOLDER}/{number}"))

    def _link(self, path: str) -> str:
        state = self._tree.state(path)
        return state.target if isinstance(state, Link) else ""


def _read(path: str) -> str:
    with open(path) as file:
        return file.read().strip()
