"""What the plugin does when no ready answer is there: a look-up, under a deadline that nothing can hold up.

A second thread holds the deadline, since a silent DNS server cannot be interrupted in any other way, and an exception
out of a signal handler is swallowed by the SDKs. Whichever thread comes first ends the process.
"""

import _thread
import gc
import time

from provider import answers, kubelet, plugin
from provider.errors import ProviderError, Unreachable
from provider.journal import SystemJournal
from provider.lookup import RENEWAL_SECONDS, Lookup, Outcome
from provider.places import PROGRAM, Places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

DEADLINE_SECONDS = 45.0
"""For everything, below the kubelet's minute."""


class Exit:
    """The one end of the process."""

    def __init__(self, request: kubelet.Request) -> None:
        self._request = request
        self._turn = _thread.allocate_lock()
        self.lookup: Lookup | None = None

    def with_outcome(self, outcome: Outcome) -> "NoReturn":
        """Write the response."""
        self._turn.acquire()  # in the thread that comes second, for ever
        if isinstance(outcome, answers.Answer):
            plugin.finish(plugin.response(self._request, outcome, time.time()), b"", 0)
        version = self._request.api_version
        plugin.finish(kubelet.render_response(version, outcome.cache_key_type, outcome.cache_seconds), b"", 0)

    def with_error(self, error: ProviderError) -> "NoReturn":
        """Write the error's line to stderr, for the kubelet's log."""
        self._turn.acquire()
        plugin.finish(b"", f"{PROGRAM}: {error}\n".encode(), error.exit_status)

    def after(self, seconds: float) -> None:
        """End the process after some seconds, if nothing else has until then."""
        _thread.start_new_thread(self._expire, (seconds,))

    def _expire(self, seconds: float) -> None:
        time.sleep(seconds)
        step = self.lookup.waiting_for() if self.lookup is not None else "starting"
        error = Unreachable(f"no answer within {seconds:g} s while {step}")
        try:
            outcome = self.lookup.fall_back(error) if self.lookup is not None else None
        except ProviderError:
            outcome = None
        if outcome is not None:
            self.with_outcome(outcome)
        self.with_error(error)


def main(request: kubelet.Request, places: Places) -> "NoReturn":
    """Answer a request that the warm path could not answer, and end the process."""
    gc.disable()  # the process lives for one answer: 6 ms of 150 less, and no more memory
    ending = Exit(request)
    try:
        lookup = Lookup(request, places, SystemJournal(), limit=ending.after)
        ending.lookup = lookup
        seconds = RENEWAL_SECONDS if lookup.old is not None else DEADLINE_SECONDS
        ending.after(seconds)
        outcome = lookup.run(seconds)
    except ProviderError as error:
        ending.with_error(error)
    ending.with_outcome(outcome)
