"""What a YAML parser cannot read, in our own words, and two shapes from old documents that are not YAML at all."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is wrong with the YAML itself. `key` is empty where no key is concerned."""

    line: int
    message: str
    key: str = ""


NO_COMMENT = "`//` begins no comment in YAML; right form: # and the text"
_TAB = "a tab stands here; YAML is indented with spaces"
_INDENTATION = "the indentation does not fit the lines above; keys of one level begin in one column, items with `- `"
_COLON = "a key needs a colon and a space behind it; right form: key: value"
_QUOTE = 'a quotation mark is not closed, or the text ends too early; right form: key: "value"'
_BRACKET = "a bracket or brace is not closed; right form: [a, b] or {key: value}"
_EXPLANATIONS = (
    ("scanning an alias", 'a text that begins with * must be quoted; right form: "*"'),
    ("scanning an anchor", 'a text that begins with & must be quoted; right form: key: "value"'),
    ("maximum", "nested deeper than any configuration"),
    ("mapping values are not allowed", 'a second colon on this line; right form: key: "value", with the value quoted'),
    ("could not find expected ':'", _COLON),
    ("tab character", _TAB),
    ("cannot start any token", 'this text must be quoted; right form: key: "value"'),
    ("unexpected end of stream", _QUOTE),
    ("flow node", _BRACKET),
    ("',' or", _BRACKET),
    ("tag handle", "a YAML tag (`!name`) stands here; remove it, or quote the text"),
    ("escape", "an escape that YAML does not know; right form: single quotes, which know no escapes"),
    ("expected key", _INDENTATION),
    ("'-' indicator", _INDENTATION),
    ("block sequence entries", _INDENTATION),
)

_QUOTED = r"(?:\"[^\"\\]*\"|'[^']*')"
_QUOTED_LIST = re.compile(
    rf"(?P<begin>\s*(?:-\s+)*)(?P<key>[A-Za-z][A-Za-z-]{{0,40}})\s*:\s+(?P<list>{_QUOTED}(?:\s*,\s*{_QUOTED})+)\s*(?:,\s*)?"
    r"(?:(?:#|//).*)?"
)
_COMMENT = re.compile(r"(?:^|(?<=\s)|(?<=\"))//.*")
_MAXIMUM_LINE = 4096
_FORM = 'several quoted texts in a row are not one value; right form: {key}: "a.example.com,b.example.com"'


def translate(text: str, error: Exception, line_of: Callable[[int], int]) -> Mistake:
    """Return what a parser's exception means, without any of its words."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line if mark is not None else 0
    lines = text.splitlines()
    if line < len(lines) and lines[line][: len(lines[line]) - len(lines[line].lstrip())].count("\t"):
        return Mistake(line_of(line), _TAB)
    problem = " ".join(str(getattr(error, name, None) or "") for name in ("context", "problem"))
    message = next((said for words, said in _EXPLANATIONS if words in problem), f"this is not YAML; {_COLON}")
    return Mistake(line_of(min(line, max(len(lines) - 1, 0))), message)


def known_shapes(text: str, line_of: Callable[[int], int]) -> tuple[tuple[Mistake, ...], str]:
    """Return the known malformed lines of a text that is not YAML, and the text with those lines mended."""
    mistakes: list[Mistake] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if len(line) > _MAXIMUM_LINE:
            continue
        mended = line
        if found := _QUOTED_LIST.fullmatch(line):
            mistakes.append(Mistake(line_of(number), _FORM.format(key=found["key"]), found["key"]))
            mended = f'{found["begin"]}{found["key"]}: ""'
        if begin := _comment_begin(line):
            mistakes.append(Mistake(line_of(number), NO_COMMENT))
            mended = mended[: begin - 1]
        lines[number] = mended
    return tuple(mistakes), "\n".join(lines)


def has_comment(text: str) -> bool:
    """Tell whether a plain value has swallowed a `//` comment."""
    return re.search(r"(?:^|\s)//", text) is not None


def _comment_begin(line: str) -> int:
    """Return where a `//` comment outside of quotes begins, counted from 1; 0 if there is none."""
    blank = re.sub(_QUOTED, lambda quoted: '"' * len(quoted.group()), line)
    if blank.lstrip().startswith("#"):
        return 0
    found = _COMMENT.search(blank)
    return found.start() + 1 if found else 0
