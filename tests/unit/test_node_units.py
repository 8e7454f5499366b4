"""systemd's syntax, piece by piece; tests/packages/test_unit_reading.py has a real systemd read whole units."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.node.detect.environment import environment
from provider.node.detect.environment_files import assignments, with_words
from provider.node.detect.found import Flags
from provider.node.detect.kubelet_flags import as_words, is_with
from provider.node.detect.overlay import Overlay
from provider.node.detect.systemd_units import expand_specifiers, load, service_names
from provider.node.detect.unit_files import decoded, encoded, settings
from provider.node.detect.words import Unbalanced, split
from provider.node.files import Change, File, NodeError
from tests.unit.node_unit_sets import ETC, LIB, SETS, lay


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t a  b\t", ["a", "b"]),
        ("'a b'c \"d 'e'\" ''", ["a bc", "d 'e'", ""]),
        (r"a\ b \s\t\\ \"x\' \x41\102\u00fc\U0001f600", [r"a\ b", " \t\\", "\"x'", "AB\u00fc\U0001f600"]),
        (r"\xc3\xbc \xff", ["\u00fc", "\udcff"]),
        (r"\q \x4 \x00 \400 \u12 \ud800 \U00110000 \xzz", None),
        ("a\\", ["a\\"]),
        (r"'a\'b' 'c\nd'", ["a'b", "c\nd"]),
    ],
)
def test_words(text: str, words: list[str] | None) -> None:
    found = list(split(text))
    assert [word.text for word in found] == (text.split() if words is None else words)
    assert [text[word.start : word.end] for word in found] == [text[word.start : word.end].strip() for word in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"a\ b\n '\x' \'", ["a bn", "x", "'"]),
        ("'a b", ["a b"]),
        ("a\\", ["a"]),
        ('--a="b c"', ["--a=b c"]),
    ],
)
def test_words_of_a_variable(text: str, words: list[str]) -> None:
    assert [word.text for word in split(text, escapes=False, relaxed=True)] == words


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a 'b\\", "a '\\'"])
def test_a_quote_that_does_not_end(text: str) -> None:
    words = split(text)
    assert next(words).text == "a"
    with pytest.raises(Unbalanced):
        next(words)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("%n %N %p %i %j %t %S %E %h %u %U", "a-b@c.service a-b@c a-b c b /run /var/lib /etc /root root 0"),
        ("100%% %%n %%%n", "100% %n %a-b@c.service"),
        ("%H %m %q %", "%H %m %q %"),
    ],
)
def test_specifiers(text: str, expanded: str) -> None:
    assert expand_specifiers(text, "a-b@c.service") == expanded


def values(text: str) -> list[tuple[str, str]]:
    return [(setting.name, setting.value) for setting in settings(text, "/unit")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\n[Service]\nB = 2 \n[Install]\nC=3\n[Service]\nD=4", [("B", "2"), ("D", "4")]),
        ("[Service]\n# A=1\n ; B=2\nC\n=\nD=a=b", [("", ""), ("D", "a=b")]),
        ("[Service]\nA=1 \\\n  2\\\\\nB=3\\\\\\\n4", [("A", "1    2\\\\"), ("B", "3\\\\ 4")]),
        ("[Service]\nA=1 \\\n# no\n;\n 2\nB=3 \\", [("A", "1   2"), ("B", "3")]),
        ("\ufeff[Service]\r\nA=1 \\\r\n 2\r\rB=3\n\r", [("A", "1   2"), ("B", "3")]),
        ("[Service]\nA=1 \\\n\nB=2", [("A", "1"), ("B", "2")]),
        ("[Service\nA=1\n[Service]x\nB=1\n[Service]\nC=\udcff", [("C", "\udcff")]),
    ],
)
def test_settings(text: str, found: list[tuple[str, str]]) -> None:
    assert values(text) == found
    for setting in settings(text, "/unit"):
        written = "".join(text[place] for place in setting.places)
        assert written.replace("\\", " ") == setting.value.replace("\\", " ")


def test_bytes_survive() -> None:
    content = bytes(range(256)) + "ü".encode()
    assert encoded(decoded(content)) == content


NAMES = st.sampled_from(["A", "B", "X"])
PIECES = st.sampled_from(["A", "B", "=", " ", "\t", "\n", "\r\n", "'", '"', "\\", "#", ";", "x", "--y=z", "$", "ü"])
WORDS = "--flag=/one --other=/two"


@given(st.lists(PIECES, max_size=25).map("".join), NAMES)
def test_words_added_to_a_variable_change_that_alone(text: str, name: str) -> None:
    before = [(found.name, found.value) for found in assignments(text)]
    changed = with_words(text, name, WORDS)
    own = [index for index, (found, _) in enumerate(before) if found == name]
    if changed is None or not own:
        return
    value = before[own[-1]][1]
    before[own[-1]] = (name, f"{value} {WORDS}" if value else WORDS)
    assert [(found.name, found.value) for found in assignments(changed)] == before


FLAGS = Flags("/file", "/bin")
FIRST, SECOND = as_words(FLAGS)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("k --a", f"k --a {FIRST} {SECOND}", True),
        ("k", f"k {FIRST} {SECOND}", True),
        ("k --a --b", f"k --a {FIRST} {SECOND} --b", True),
        ("k --a", f"k --a {SECOND} {FIRST}", False),
        ("k --a", f"k --a {FIRST}", False),
        ("k --a", f"k {FIRST} {SECOND}", False),
        ("k --a", f"k --a --b {FIRST} {SECOND}", False),
        ("k --a", f"k --a {FIRST} {SECOND} {FIRST} {SECOND}", False),
        ("k --a 1", f"k --a {FIRST} {SECOND} 1", False),
        ("k --a=0 1", f"k --a=0 {FIRST} {SECOND} 1", True),
        ("k -- --a", f"k -- --a {FIRST} {SECOND}", False),
        (f"k {SECOND}0", f"k {FIRST} {SECOND} {SECOND}0", False),
        ("k --a", "k --a", False),
        ("", f"{FIRST} {SECOND}", False),
    ],
)
def test_exactly_the_two_flags(before: str, after: str, same: bool) -> None:
    assert is_with(FLAGS, tuple(before.split()), tuple(after.split())) is same


def test_an_overlay_shows_changes_and_writes_none(tmp_path: Path) -> None:
    tree = lay(tmp_path, {"/etc/a/one": "1", "/etc/a/two": "2"}, {"/b": "etc/a"})
    changes = [
        Change("/b/one", tree.state("/etc/a/one"), None),
        Change("/etc/a/two", None, File(b"two")),
        Change("/etc/a/three", None, File(b"3")),
        Change("/etc/new/four", None, File(b"4")),
    ]
    overlay = Overlay(tree, changes)
    assert (overlay.names("/b"), overlay.names("/etc/new"), overlay.names("/etc")) == (
        ["three", "two"],
        ["four"],
        ["a"],
    )
    assert (overlay.text("/b/two"), overlay.text("/etc/new/four"), overlay.state("/etc/a/one")) == ("two", "4", None)
    assert overlay.text("/etc/a/one") is None
    with pytest.raises(NodeError, match="/etc/a/two: is looked at"):
        overlay.put("/etc/a/two", None)
    assert (tree.text("/etc/a/two"), tree.names("/etc")) == ("2", ["a"])


def test_the_files_of_a_unit(tmp_path: Path) -> None:
    """Drop-ins that are masked, hidden, or called otherwise are not among them."""
    tree = SETS["resets, files that mask others, and order"].laid(tmp_path)
    unit = load(tree, "kubelet.service")
    assert unit is not None
    assert unit.files == (
        f"{LIB}/kubelet.service",
        f"{LIB}/service.d/05-all.conf",
        f"{ETC}/kubelet.service.d/10-a.conf",
        "/run/systemd/system/kubelet.service.d/15-c.conf",
        f"{ETC}/kubelet.service.d/30-d.conf",
        f"{LIB}/service.d/90-all.conf",
    )


def test_what_is_no_variable_is_passed_over(tmp_path: Path) -> None:
    tree = SETS["no variables with a colon"].laid(tmp_path)
    unit = load(tree, "kubelet.service")
    assert unit is not None
    assert {name: variable.value for name, variable in environment(tree, unit).items()} == {
        "A": "1",
        "B": "2",
        "D": " e ",
    }


def test_a_template_serves_its_instances(tmp_path: Path) -> None:
    files = {
        f"{LIB}/kubelet@.service": "[Service]\nExecStart=/bin/%p %i\n",
        f"{ETC}/kubelet@.service.d/10.conf": "[Service]\nA=template\n",
        f"{ETC}/kubelet@one.service.d/20.conf": "[Service]\nB=instance\n",
    }
    tree = lay(tmp_path, files)
    unit = load(tree, "kubelet@one.service")
    assert unit is not None
    assert [setting.name for setting in unit.settings] == ["ExecStart", "A", "B"]
    assert service_names(tree) == []


def test_lib_and_usr_lib_are_one_where_one_is_a_link(tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{LIB}/kubelet.service.d/10.conf": "[Service]\nA=1\n"}, {"/lib": "usr/lib"})
    lay(
        tmp_path,
        {f"{LIB}/kubelet.service": "[Service]\nB=1\n"},
        {f"{ETC}/kubelet.service": "/lib/systemd/system/kubelet.service"},
    )
    unit = load(tree, "kubelet.service")
    assert unit is not None
    assert unit.files == (f"{LIB}/kubelet.service", f"{LIB}/kubelet.service.d/10.conf")


def test_a_dangling_link_is_no_unit(tmp_path: Path) -> None:
    assert load(lay(tmp_path, {}, {f"{ETC}/kubelet.service": "/gone"}), "kubelet.service") is None
