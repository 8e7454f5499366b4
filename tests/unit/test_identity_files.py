import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import Refused
from provider.identity.files import read_private
from provider.identity.managed_role import managed_role_session, read_managed_role
from provider.identity.rrsa import read_token


def write(path: Path, content: str, mode: int = 0o600) -> str:
    path.write_text(content)
    path.chmod(mode)
    return str(path)


def read(path: object) -> bytes:
    return read_private(str(path), "the token", "ask the agent")


def test_a_private_file_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path / "token", "content")) == b"content"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_file_that_is_open_to_others_is_not_used(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Refused, match="must have mode 0600"):
        read(write(tmp_path / "token", "content", mode))


def test_a_missing_file_says_so_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"the token is missing: no file .*/token; ask the agent"):
        read(tmp_path / "token")


def test_links_directories_pipes_and_large_files_are_not_used(tmp_path: Path) -> None:
    target = write(tmp_path / "target", "content")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "pipe", 0o600)
    write(tmp_path / "large", "x" * (64 * 1024 + 1))
    for name in ("link", "pipe", "large", "."):
        with pytest.raises(Refused, match="the token"):
            read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_used(tmp_path: Path) -> None:
    path = write(tmp_path / "token", "content")
    os.chown(path, 12345, 12345)
    with pytest.raises(Refused, match="belongs to another user"):
        read(path)


def test_the_rrsa_token_is_stripped(tmp_path: Path) -> None:
    assert read_token(write(tmp_path / "token", "\n eyJh.eyJz.c2ln \n")) == "eyJh.eyJz.c2ln"


@pytest.mark.parametrize("content", ["", "   ", "abc", "a" * 20001, "two words", "a\x00bcd"])
def test_what_is_no_token_is_not_sent(tmp_path: Path, content: str) -> None:
    with pytest.raises(Refused, match="is no token") as raised:
        read_token(write(tmp_path / "token", content))
    assert content.strip() == "" or content.strip() not in str(raised.value)


NOW = 1704164645.0  # 2024-01-02T03:04:05Z
PLAIN = {"access.key.id": "STS.id", "access.key.secret": "key-secret", "security.token": "CAIS-token"}


def sealed(text: str, key: str, pad: bytes | None = None) -> str:
    data = text.encode()
    count = 16 - len(data) % 16
    data += bytes([count]) * count if pad is None else pad
    vector = bytes(range(16))
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(vector)).encryptor()
    return b64encode(vector + encryptor.update(data) + encryptor.finalize()).decode()


def secret(changes: dict[str, Any] | None = None, length: int = 32) -> bytes:
    key = "k" * length
    value: dict[str, Any] = {name: sealed(text, key) for name, text in PLAIN.items()}
    value |= {"expiration": "2024-01-02T04:04:05Z", "keyring": key} | (changes or {})
    return json.dumps({name: each for name, each in value.items() if each is not None}).encode()


@pytest.mark.parametrize("length", [16, 24, 32])
def test_a_managed_role_session_is_opened(length: int) -> None:
    session = read_managed_role(secret(length=length), NOW)
    assert session.access_key_id == "STS.id"
    assert session.access_key_secret == "key-secret"
    assert session.security_token == "CAIS-token"
    assert session.expiration == NOW + 3600
    assert session.identity == "managed role AliyunCSManagedAcrRole"


def test_a_session_that_has_ended_says_who_should_have_renewed_it() -> None:
    assert read_managed_role(secret(), NOW + 3599).expiration == NOW + 3600
    with pytest.raises(Refused, match=r"ended at 2024-01-02T04:04:05Z .*does the agent run"):
        read_managed_role(secret(), NOW + 3600)


def test_the_reason_that_ack_gives_becomes_the_message() -> None:
    error = {"roleName": "AliyunCSManagedAcrRole", "code": "EntityNotExist.Role", "message": "The role not exists"}
    with pytest.raises(Refused) as raised:
        read_managed_role(json.dumps({"error": error}).encode(), NOW)
    assert raised.value.code == "EntityNotExist.Role"
    assert str(raised.value).startswith(
        "ACK has no session of managed role AliyunCSManagedAcrRole: The role not exists"
    )


def test_the_reason_is_told_on_one_line_and_bounded() -> None:
    error = {"roleName": "R" * 500, "code": "C" * 500, "message": "The role\r\n\tdoes not\x1b exist.\n" + "x" * 500}
    with pytest.raises(Refused) as raised:
        read_managed_role(json.dumps({"error": error}).encode(), NOW)
    said = str(raised.value)
    assert said.startswith(f"ACK has no session of managed role {'R' * 64}: The role does not exist. xxx")
    assert said.isprintable()
    assert len(raised.value.code) == 100
    assert len(said) < 700


@pytest.mark.parametrize("error", ["no reason", {"message": " \n "}, {"message": 7, "roleName": None}])
def test_an_error_without_a_reason_says_so(error: object) -> None:
    with pytest.raises(Refused, match="AliyunCSManagedAcrRole: it does not say why"):
        read_managed_role(json.dumps({"error": error}).encode(), NOW)


def test_the_secret_is_called_by_its_name(tmp_path: Path) -> None:
    for file in (tmp_path / "absent", write(tmp_path / "malformed", "{}")):
        with pytest.raises(Refused, match=r"Secret addon\.aliyuncsmanagedacrrole\.token\b") as raised:
            managed_role_session(str(file))
        assert str(raised.value).count("addon.") == 1


MALFORMED = [
    ("not JSON", b"\xff", "no JSON object"),
    ("a list", b"[]", "no JSON object"),
    ("deeply nested", b"[" * 60000, "no JSON object"),
    ("no keyring", secret({"keyring": None}), "keyring"),
    ("short keyring", secret({"keyring": "k" * 31}), "keyring"),
    ("another keyring", secret({"keyring": "x" * 32}), "does not open with the keyring"),
    ("no expiration", secret({"expiration": None}), "expiration"),
    ("another form of time", secret({"expiration": "1704164645"}), "expiration"),
    ("not base64", secret({"security.token": "%%%"}), "security.token is not base64"),
    ("a number", secret({"security.token": 7}), "security.token"),
    ("no field", secret({"access.key.id": None}), "access.key.id"),
    ("only the vector", secret({"access.key.id": b64encode(bytes(16)).decode()}), "access.key.id"),
    ("half a block", secret({"access.key.id": b64encode(bytes(40)).decode()}), "access.key.id"),
    ("no padding", secret({"access.key.id": sealed("a" * 16, "k" * 32, b"")}), "does not open"),
    ("padding of zeros", secret({"access.key.id": sealed("a" * 15, "k" * 32, b"\0")}), "does not open"),
    ("torn padding", secret({"access.key.id": sealed("a" * 12, "k" * 32, b"\1\2\3\4")}), "does not open"),
    ("nothing in it", secret({"access.key.id": sealed("", "k" * 32)}), "does not open"),
]


@pytest.mark.parametrize(("content", "flaw"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_a_malformed_secret_is_named_and_not_quoted(content: bytes, flaw: str) -> None:
    with pytest.raises(Refused, match=flaw) as raised:
        read_managed_role(content, NOW)
    assert "kkkk" not in str(raised.value)
    assert raised.value.__cause__ is None


values = st.none() | st.booleans() | st.integers() | st.text() | st.dictionaries(st.text(), st.text())


@given(st.binary() | st.dictionaries(st.sampled_from([*PLAIN, "keyring", "expiration", "error"]), values))
def test_nothing_but_refused_comes_out_of_any_secret(content: bytes | dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read_managed_role(content if isinstance(content, bytes) else json.dumps(content).encode(), NOW)
