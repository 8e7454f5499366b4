"""Carrying a change of the node out: armed before, proven after, undone where the kubelet does not like it."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from provider.node.detect.found import Flags, Found, Process
from provider.node.detect.kubelet_flags import as_words
from provider.node.files import Change, Folder, NodeError, Tree
from provider.node.generations import Generations
from provider.node.health import wait_until_healthy, words_of_the_kubelet
from provider.node.record import Record
from provider.node.systemd import Systemd

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the signals that end a command wait until this is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True, slots=True)
class Work:
    """A change, in the order in which it is made."""

    quiet: tuple[Change, ...]
    """What no kubelet notices: units, links to the bundle. Made before the timer is armed, which is one of them."""
    noticed: tuple[Change, ...]
    """What the kubelet reads at its start."""
    record: Record | None
    """What is in force after it; None: nothing."""
    restart: bool
    """Whether the kubelet is restarted, and must be well after it."""
    proves: bool
    """Whether the next start of a kubelet is to be watched, where it is not restarted now."""


class Carrier:
    """Makes changes on one tree. `systemd` is None for an image's."""

    def __init__(
        self,
        tree: Tree,
        generations: Generations,
        systemd: Systemd | None,
        process: Callable[[], Process | None],
        say: Callable[[str], None],
    ) -> None:
        self._tree = tree
        self._generations = generations
        self._systemd = systemd
        self._process = process
        self._say = say

    def carry_out(self, work: Work, found: Found) -> None:
        """Make the changes; where anything fails, put everything back and raise what it was (NodeError)."""
        ran, record = found.process is not None, work.record
        words = as_words(Flags(record.provider_file, record.bin_dir)) if record and record.mode == "set" else ()
        try:
            changes = (*work.quiet, *work.noticed)
            generation = self._generations.begin(changes, record, found.unit, ran=ran, words=words)
            self._apply(work.quiet)
            if work.noticed or work.restart:
                self._arm(reload=bool(work.quiet))
            self._apply(work.noticed)
            if work.quiet or work.noticed:
                self._reload()
            # With nothing to start anew, there is nothing to prove.
            self._generations.commit(generation, unproven=work.restart or work.proves)
            if work.restart:
                self._prove(found)
        except BaseException:
            self._put_back_or_say(found)
            raise
        self._disarm()

    def restart(self, found: Found) -> None:
        """Restart the kubelet for a change that was made without; where it is not well then, undo that change."""
        try:
            self._arm(reload=True)
            self._prove(found)
        except BaseException:
            self._put_back_or_say(found)
            raise
        self._disarm()

    def _prove(self, found: Found) -> None:
        """Restart the kubelet and see it well. Raises NodeError with the kubelet's own words."""
        if self._systemd is None:
            raise NodeError("an image's kubelet cannot be restarted")
        self._generations.mark_restarting()
        # Its 90 seconds from here on.
        self._systemd.arm()
        since = time.time()
        self._say(f"restarting {found.unit}")
        before = self._process()
        self._systemd.restart(found.unit)
        health = wait_until_healthy(self._process, found.health_url, before)
        if health.reason:
            words = words_of_the_kubelet(self._systemd.journal(found.unit, since))
            said = f'. It says: "{words}"' if words else f". journalctl -u {found.unit} tells more"
            raise NodeError(f"the kubelet is not well after the restart: {health.reason}{said}")
        with uninterrupted():
            self._generations.settle()
        self._say("the kubelet is well after the restart")

    def _put_back_or_say(self, found: Found) -> None:
        """Put back; what is raised then is not to hide what went wrong first."""
        try:
            self._put_back(found)
        except NodeError as error:
            self._say(f"{error}; the timer tries again")

    def _put_back(self, found: Found) -> None:
        """Undo what is pending; the timer stays armed until the kubelet is well."""
        if not self._generations.pending():
            return
        self._say("putting everything back")
        before = self._process()
        with uninterrupted():
            self._generations.undo()
        if self._systemd is None or found.process is None:
            return
        if before is not None and before.pid == found.process.pid:
            self._say("everything is as it was; the kubelet was not restarted")
        else:
            health = wait_until_healthy(self._process, found.health_url, before)
            self._say(f"everything is as it was, and the kubelet {health.reason or 'is well'}")

    def _apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.after is None and isinstance(change.before, Folder) and self._tree.names(change.path):
                # Somebody else has put something there since.
                continue
            self._tree.put(change.path, change.after)

    def _arm(self, *, reload: bool) -> None:
        if self._systemd is not None:
            if reload:
                self._systemd.reload()
            self._systemd.arm()

    def _disarm(self) -> None:
        if self._systemd is not None:
            self._systemd.disarm()

    def _reload(self) -> None:
        if self._systemd is not None:
            self._systemd.reload()
