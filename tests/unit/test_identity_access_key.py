import pytest

from provider.config.values import AccessKey
from provider.identity.access_key import access_key_session

SHOWN = [
    ("LTAI5tExampleExampleAbcd", "LTAI…Abcd"),
    ("ExampleExampleExampleAbcd", "…Abcd"),
    ("LTAI5tAb", "…"),  # so short that four letters would be much of it
    ("\u9519\u8bef" * 9, "…"),  # no AccessKey id at all
]


@pytest.mark.parametrize(("access_key_id", "shown"), SHOWN)
def test_the_id_is_shown_by_its_end_alone(access_key_id: str, shown: str) -> None:
    lines: list[str] = []
    session = access_key_session(AccessKey(access_key_id, "key-secret"), lines.append)
    assert session.identity == f"RAM user's key pair {shown}"
    assert (session.access_key_id, session.access_key_secret) == (access_key_id, "key-secret")
    assert session.expiration is None
    [line] = lines
    assert line.startswith(f"{session.identity} from customAccessKey is used")
    assert access_key_id not in line
    assert "key-secret" not in line
