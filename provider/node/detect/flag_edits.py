"""Where words are added to a file, and where they are taken out again; every other byte stays."""

import re

from provider.node.detect.environment import Variable
from provider.node.detect.found import Flags
from provider.node.detect.kubelet_flags import BIN_DIR, CONFIG
from provider.node.detect.unit_files import COMMENTS, decoded, encoded

_YAML = (".yaml", ".yml")


def with_words_in_setting(text: str, variable: Variable, words: str) -> str | None:
    """Return a unit file's text with words at the end of a variable's value in its Environment= setting.

    None where it is quoted in a way that leaves no place for them.
    """
    setting, word = variable.setting, variable.word
    if setting is None or word is None:
        return None
    added = f" {words}" if variable.value else words
    if word.closed:
        return _inserted(text, setting.places[word.end - 1], added)
    if word.quoted:
        return None
    # Unquoted, it cannot hold white space.
    last = setting.places[word.end - 1] + 1
    return _inserted(_inserted(text, last, f'{added}"'), setting.places[word.start], '"')


def without_flags(path: str, content: bytes, flags: Flags) -> bytes:
    """Return a file's content without our two flags, for one that others have changed since they were set there.

    Takes `--flag=value` and `--flag value` with exactly our values, with one space beside each; in k3s's and RKE2's
    YAML the lines of the two keys. A variable may be left empty. Comments and all other bytes stay.
    """
    if not flags.config or not flags.bin_dir:
        return content
    is_yaml = path.endswith(_YAML)
    result = []
    for line in re.split(r"(?<=\n)", decoded(content)):
        if not line.lstrip().startswith(COMMENTS):
            for name, value in ((CONFIG, flags.config), (BIN_DIR, flags.bin_dir)):
                line = _without_key(line, name, value) if is_yaml else _without_flag(line, name, value)
        result.append(line)
    return encoded("".join(result))


def _inserted(text: str, position: int, added: str) -> str:
    return text[:position] + added + text[position:]


def _without_flag(line: str, name: str, value: str) -> str:
    flag = rf"--{name}(?:=|[ \t]+){re.escape(value)}"
    behind = r"(?=$|[\s\"'\\])"
    # With the space that was put before it, else with the one behind it.
    line = re.sub(rf"[ \t]{flag}{behind}", "", line)
    return re.sub(rf"(?<![^\s\"'=]){flag}{behind}[ \t]?", "", line)


def _without_key(line: str, name: str, value: str) -> str:
    return "" if re.fullmatch(rf"{name}[ \t]*:[ \t]+([\"']?){re.escape(value)}\1\s*", line) else line
