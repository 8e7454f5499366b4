"""What the demo prints: chapters, plain lines, and what went in and came out. No secret gets past it."""

from collections.abc import Callable, Iterable
from textwrap import indent, wrap
from typing import TextIO

WIDTH = 110
MARGIN = "   "
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
GREEN = "\x1b[32m"
RED = "\x1b[31m"
RESET = "\x1b[0m"


class Untrue(Exception):
    """Something that the demo shows did not happen."""


class Narrator:
    """Prints to one stream. `secrets` returns what may not be printed, as it is at that moment."""

    def __init__(self, out: TextIO, secrets: Callable[[], Iterable[str]], *, coloured: bool) -> None:
        self._out = out
        self._secrets = secrets
        self._coloured = coloured
        self._chapters = 0

    def chapter(self, text: str) -> None:
        """Begin the next chapter."""
        self._chapters += 1
        self._print(f"\n{self._colour(f'{self._chapters}  {text}', BOLD)}")

    def say(self, text: str) -> None:
        """Say a sentence or two."""
        self._print(indent("\n".join(wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)), MARGIN))

    def show(self, name: str, text: str, *, bad: bool = False) -> None:
        """Show what went in or came out, under its name. Long lines are broken at blanks, and indented further."""
        lines = [part for line in text.splitlines() for part in _broken(line)]
        if bad:
            lines = [self._colour(line, RED) for line in lines]
        self._print(indent("\n".join([self._colour(name, DIM), *lines]), MARGIN))

    def fact(self, true: bool, text: str) -> None:
        """State what must have happened; raises Untrue if it has not."""
        if not true:
            raise Untrue(text)
        self._print(f"{MARGIN}{self._colour('✓', GREEN)} {text}")

    def failure(self, text: str) -> None:
        """Say in the end that something was not as it should be."""
        self._print(f"\n{self._colour('The demo failed.', RED)} This was to be seen, and was not: {text}")

    def _colour(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self._coloured else text

    def _print(self, text: str) -> None:
        if any(secret in text for secret in self._secrets()):
            raise Untrue("no secret is printed")
        print(text, file=self._out, flush=True)


def masked(secret: str) -> str:
    """Return how a secret is shown."""
    return f"{secret[:4]}… ({len(secret)} characters, hidden here)"


def _broken(line: str) -> list[str]:
    first = MARGIN + " " * (len(line) - len(line.lstrip()))
    return wrap(
        line.lstrip(),
        WIDTH,
        initial_indent=first,
        subsequent_indent=f"{first}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
