"""The record of an install: what is written is read, and what is no record is said to be none."""

import json
from pathlib import Path
from typing import Any

import pytest

from provider.node import record
from provider.node.files import File, Folder, Link, NodeError, State, Tree
from provider.node.provider_file.entry import TokenAttributes
from provider.node.record import INSTALLED, NAME, Kept, KeptFile, Record, is_same, kept_state, parse, read

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of nothing, as every table of it has it."""

FLAGS_FILE = "/etc/kubernetes/kubelet-customized-args.conf"


def made(**changed: Any) -> Record:
    fields: dict[str, Any] = {
        "program": "0.1.0",
        "prefix": "/opt/aliyun-acr-credential-provider",
        "delivery": "flags",
        "mode": "set",
        "provider_file": "/etc/aliyun-acr-credential-provider/CredentialProviderConfig.yaml",
        "bin_dir": "/opt/aliyun-acr-credential-provider/bin",
        "unit": "kubelet.service",
        "kubelet_version": "1.34.4",
        "domains": ("registry.example.com",),
        "placed": 1700000000.5,
        "changes": (
            Kept(FLAGS_FILE, KeptFile(EMPTY, 0o640, 0, 4, "0"), KeptFile("ab" * 32, 0o644, 0, 0)),
            Kept("/opt/x/current", None, Link("0.1.0")),
            Kept("/etc/x", Folder(0o755, 0, 0), None),
        ),
    }
    return Record(**fields | changed)


def placed(root: Path, content: bytes) -> Tree:
    """A node with a record, where an install leaves it: behind a link to a generation."""
    generation = root / record.NODE[1:] / "generations/3"
    generation.mkdir(parents=True)
    (generation / NAME).write_bytes(content)
    (root / INSTALLED[1:]).symlink_to("generations/3")
    return Tree(str(root))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read(placed(tmp_path, made().dump())) == made()


def test_token_attributes_are_kept_and_older_records_have_none(tmp_path: Path) -> None:
    tokens = TokenAttributes("sts.aliyuncs.com", True, "ServiceAccount", ("example.com/role",))
    assert parse(made(token_attributes=tokens).dump(), "x") == made(token_attributes=tokens)
    fields = json.loads(made().dump())
    del fields["token_attributes"]
    assert read(placed(tmp_path, json.dumps(fields).encode())) == made()


def test_a_node_without_an_install_has_no_record(tmp_path: Path) -> None:
    assert read(Tree(str(tmp_path))) is None


def test_the_file_has_the_names_that_are_agreed() -> None:
    fields = json.loads(made().dump())
    assert fields["version"] == 1
    assert fields["changes"][0]["before"] == {
        "kind": "file", "sha256": EMPTY, "mode": 0o640, "uid": 0, "gid": 4, "copy": "0",
    }  # fmt: skip
    assert fields["changes"][1] == {
        "path": "/opt/x/current", "before": None, "after": {"kind": "link", "target": "0.1.0"},
    }  # fmt: skip


WRONG = {
    "torn": lambda fields: json.dumps(fields)[:-20],
    "a list": lambda fields: "[]",
    "another version": lambda fields: json.dumps(fields | {"version": 2}),
    "a delivery that nobody knows": lambda fields: json.dumps(fields | {"delivery": "post"}),
    "a number for a path": lambda fields: json.dumps(fields | {"prefix": 1}),
    "a number for a domain": lambda fields: json.dumps(fields | {"domains": [1]}),
    "tokens that are a text": lambda fields: json.dumps(fields | {"token_attributes": "x"}),
    "keys of annotations that are none": lambda fields: json.dumps(
        fields | {"token_attributes": {"optionalServiceAccountAnnotationKeys": "x"}}
    ),
    "a kind that nobody knows": lambda fields: json.dumps(
        fields | {"changes": [{"path": "/x", "before": {"kind": "socket"}, "after": None}]}
    ),
    "a path that is missing": lambda fields: json.dumps(fields | {"changes": [{"before": None, "after": None}]}),
}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_record_is_refused_by_name(spoil: Any, tmp_path: Path) -> None:
    tree = placed(tmp_path, spoil(json.loads(made().dump())).encode())
    with pytest.raises(NodeError, match=rf"^{INSTALLED}/record\.json: is "):
        read(tree)


STATES: dict[str, State] = {
    "a file": File(b"", 0o600),
    "a link": Link("there"),
    "a folder": Folder(0o700),
    "nothing": None,
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_a_state_is_the_same_as_its_own_record_and_no_other(state: State) -> None:
    assert [name for name, other in STATES.items() if is_same(other, kept_state(state))] == [
        name for name, other in STATES.items() if other is state
    ]


@pytest.mark.parametrize("changed", [File(b"\n", 0o600), File(b"", 0o640), File(b"", 0o600, 1), File(b"", 0o600, 0, 1)])
def test_content_mode_and_owner_of_a_file_count(changed: File) -> None:
    assert not is_same(changed, kept_state(File(b"", 0o600), "copy"))


def test_a_file_is_recorded_by_its_content() -> None:
    assert kept_state(File(b""), "7") == KeptFile(EMPTY, 0o644, 0, 0, "7")


def test_a_path_is_found_among_the_changes() -> None:
    assert made().kept("/etc/x") == Kept("/etc/x", Folder(), None)
    assert made().kept("/etc/y") is None
    with pytest.raises(NodeError, match=r"x\.json: is no record"):
        parse(b"", "x.json")
