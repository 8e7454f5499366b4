"""The namespaces that have to be looked at, each once, and by one worker at a time."""

import asyncio
from collections import OrderedDict


class Work:
    """A queue of keys with two lanes: what has just happened goes before what can wait.

    A key that is added while somebody works on it comes again afterwards. A key that is held back (it failed) comes no
    sooner, whatever happens meanwhile.
    """

    def __init__(self) -> None:
        self._urgent: OrderedDict[str, None] = OrderedDict()
        self._bulk: OrderedDict[str, None] = OrderedDict()
        self._again: dict[str, bool] = {}
        """In work: whether it was added since, and urgently."""
        self._at_work: set[str] = set()
        self._held: dict[str, asyncio.TimerHandle] = {}
        self._there = asyncio.Semaphore(0)

    def add(self, key: str, *, urgent: bool = False) -> None:
        """Let a key be worked on."""
        if key in self._held:
            return
        if key in self._at_work:
            self._again[key] = urgent or self._again.get(key, False)
        elif key in self._bulk:
            if urgent:
                del self._bulk[key]
                self._urgent[key] = None
        elif key not in self._urgent:
            (self._urgent if urgent else self._bulk)[key] = None
            self._there.release()

    def hold(self, key: str, seconds: float) -> None:
        """Let a key come after so many seconds, and not before."""
        if key in self._held:
            self._held[key].cancel()
        for waiting in (self._urgent, self._bulk, self._again):
            waiting.pop(key, None)
        self._held[key] = asyncio.get_running_loop().call_later(seconds, self._release, key)

    def later(self, key: str, seconds: float) -> None:
        """Let a key come after so many seconds, also if it comes before."""
        asyncio.get_running_loop().call_later(seconds, self.add, key)

    def waiting(self) -> set[str]:
        """Return the keys that somebody has to look at as soon as possible."""
        return {*self._urgent, *self._bulk, *self._at_work}

    def is_held(self, key: str) -> bool:
        """Tell whether a key is held back."""
        return key in self._held

    def release_all(self) -> None:
        """Hold nothing back any more."""
        for key in tuple(self._held):
            self._release(key)

    async def get(self) -> str:
        """Return the next key, which nobody else gets until `done`."""
        while True:
            await self._there.acquire()
            # A key that is held back has left its lane.
            if self._urgent or self._bulk:
                break
        key, _ = (self._urgent or self._bulk).popitem(last=False)
        self._at_work.add(key)
        return key

    def done(self, key: str) -> None:
        """Give a key back."""
        self._at_work.discard(key)
        urgent = self._again.pop(key, None)
        if urgent is not None:
            self.add(key, urgent=urgent)

    def _release(self, key: str) -> None:
        self._held.pop(key).cancel()
        self.add(key)
