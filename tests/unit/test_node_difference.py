"""What `--dry-run` shows."""

from provider.node.difference import named, shown
from provider.node.files import Change, File, Folder, Link


def test_a_file_that_changes() -> None:
    text = shown([Change("/etc/a", File(b"one\ntwo\n"), File(b"one\nthree\n"))])
    assert text == "--- /etc/a\n+++ /etc/a\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"


def test_a_new_file_and_its_mode() -> None:
    text = shown([Change("/etc/a", None, File(b"one", 0o600))])
    assert text == (
        "--- /dev/null\n+++ /etc/a\n@@ -0,0 +1 @@\n+one\n\\ No newline at end of file\n"
        "# /etc/a: nothing -> file 0600 0:0\n"
    )


def test_what_is_no_text() -> None:
    changes = [
        Change("/a", None, Folder(0o700)),
        Change("/b", Link("x"), Link("y")),
        Change("/c", Link("x"), None),
        Change("/d", File(b"same", 0o644), File(b"same", 0o600)),
    ]
    assert shown(changes) == (
        "# /a: nothing -> directory 0700 0:0\n# /b: link to x -> link to y\n# /c: link to x -> nothing\n"
        "# /d: file 0644 0:0 -> file 0600 0:0\n"
    )
    assert shown([]) == ""


def test_a_file_that_goes_is_named_alone() -> None:
    gone = Change("/etc/a", File(b"one\n"), None)
    assert shown([gone]) == "# /etc/a: file 0644 0:0 -> nothing\n" == named([gone])
    changed = Change("/etc/a", File(b"one\n"), File(b"two\n"))
    assert named([changed]) == "# /etc/a: file 0644 0:0 -> file 0644 0:0\n"
