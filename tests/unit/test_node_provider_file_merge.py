"""Our entry in files as other people write them: only lines of ours come and go."""

import difflib
import json

import pytest
import yaml

from provider.errors import ProviderError
from provider.node.kubelet_version import Version
from provider.node.provider_file import nodes
from provider.node.provider_file.checks import check
from provider.node.provider_file.entry import Entry, TokenAttributes, fields, match_images, own_file
from provider.node.provider_file.merge import entry_of, has_entry, with_entry, without_entry
from provider.node.provider_file.values import read
from tests.kubernetes.shapes import ACR, BLOCK, EKS, FLOW, GKE, SHAPES

NEWEST = Version(1, 37, 2)
OURS = Entry(match_images(["registry.example.com"]), args=("--config=/etc/a b.yaml",), env=(("A", "1"),))
OTHER = Entry(match_images([]))


def parametrized(shapes: dict[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", shapes.values(), ids=shapes.keys())


@parametrized(SHAPES)
def test_adding_keeps_every_other_provider_and_the_kubelet_content(text: str) -> None:
    before = text.encode()
    assert check(before, "f", NEWEST) == []
    after = with_entry(before, "f", OURS, NEWEST)
    assert check(after, "f", NEWEST) == []
    old, new = read(before).value, read(after).value
    assert new == {**old, "providers": [*old["providers"], fields(OURS, NEWEST)]}
    assert entry_of(after, "f") == OURS
    assert has_entry(after, "f")
    assert not has_entry(before, "f")


@parametrized(SHAPES)
def test_taking_out_gives_back_every_byte(text: str) -> None:
    assert without_entry(with_entry(text.encode(), "f", OURS, NEWEST), "f") == text.encode()


@parametrized(SHAPES)
def test_without_libyaml_it_is_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    after = with_entry(text.encode(), "f", OURS, NEWEST)
    monkeypatch.setattr(nodes, "LOADER", yaml.SafeLoader)
    assert with_entry(text.encode(), "f", OURS, NEWEST) == after
    assert without_entry(after, "f") == text.encode()


@parametrized({name: text for name, text in BLOCK.items() if text.endswith("\n")})
def test_only_lines_are_added(text: str) -> None:
    after = with_entry(text.encode(), "f", OURS, NEWEST).decode()
    differences = [line for line in difflib.ndiff(text.split("\n"), after.split("\n")) if line[:1] in "+-"]
    assert differences
    assert {line[0] for line in differences} == {"+"}
    assert after.count("\r\n") == (after.count("\n") if "\r" in text else 0)


@parametrized(FLOW)
def test_between_brackets_one_piece_is_added(text: str) -> None:
    after = with_entry(text.encode(), "f", OURS, NEWEST).decode()
    start = next(number for number, (old, new) in enumerate(zip(text, after, strict=False)) if old != new)
    assert after.startswith(text[:start])
    assert after.endswith(text[start:])


@parametrized(SHAPES)
def test_what_is_there_already_stays_as_it_is(text: str) -> None:
    after = with_entry(text.encode(), "f", OURS, NEWEST)
    assert with_entry(after, "f", OURS, NEWEST) is after


@parametrized(SHAPES)
def test_bringing_up_to_date_is_like_adding_anew(text: str) -> None:
    before = with_entry(text.encode(), "f", OTHER, NEWEST)
    assert with_entry(before, "f", OURS, NEWEST) == with_entry(text.encode(), "f", OURS, NEWEST)


@parametrized(SHAPES)
def test_ours_may_be_the_first(text: str) -> None:
    """As where somebody put others behind it."""
    after = with_entry(text.encode(), "f", OURS, NEWEST)
    others = [{**provider, "name": f"{provider['name']}-2"} for provider in read(text.encode()).value["providers"]]
    ours = fields(OURS, NEWEST)
    moved = json.dumps({**read(after).value, "providers": [ours, *others]}, indent=2).encode()
    left = without_entry(moved, "f")
    assert left is not None
    assert read(left).value["providers"] == others
    assert read(with_entry(moved, "f", OTHER, NEWEST)).value["providers"] == [fields(OTHER, NEWEST), *others]


def test_the_style_is_that_of_the_file() -> None:
    assert b"\n- name: aliyun-acr-credential-provider\n  apiVersion" in with_entry(ACR.encode(), "f", OURS, NEWEST)
    assert b'\n  matchImages:\n  - "*.*.cr' in with_entry(ACR.encode(), "f", OURS, NEWEST)
    assert b'\n    matchImages:\n    - "*.*.cr' in with_entry(GKE.encode(), "f", OURS, NEWEST)
    assert b'\n    matchImages:\n      - "*.*.cr' in with_entry(EKS.encode(), "f", OURS, NEWEST)
    wide = with_entry(BLOCK["wide dashes"].encode(), "f", OURS, NEWEST)
    assert b"\n  -   name: aliyun-acr-credential-provider\n      apiVersion" in wide
    tabs = with_entry(FLOW["json with tabs"].encode(), "f", OURS, NEWEST)
    assert b'},\n\t\t{\n\t\t\t"name": "aliyun-acr-credential-provider",\n' in tabs


def test_comments_of_the_last_entry_stay_with_it() -> None:
    after = with_entry(BLOCK["comment of the last entry"].encode(), "f", OURS, NEWEST).decode()
    assert after.index("# more") < after.index("- name: aliyun-acr-credential-provider") < after.index("# the end")


def test_ours_is_not_behind_what_belongs_to_the_file() -> None:
    after = with_entry(f"{EKS}      - |\n        one\n# the end\n".encode(), "f", OURS, NEWEST)
    assert after.index(b"  one\n  - name: aliyun-acr-credential-provider\n") < after.index(b"# the end")


def test_what_others_change_later_stays() -> None:
    after = with_entry(EKS.encode(), "f", OURS, NEWEST).decode()
    more = "  - name: b\n    apiVersion: credentialprovider.kubelet.k8s.io/v1\n    matchImages: [b.io]\n"
    more += "    defaultCacheDuration: 0s\n"
    left = without_entry((after.replace('"12h"', '"6h"') + more + "# mine\n").encode(), "f")
    assert left is not None
    assert left.decode() == EKS.replace('"12h"', '"6h"') + more + "# mine\n"


def test_a_comment_within_our_entry_goes_with_it() -> None:
    after = with_entry(EKS.encode(), "f", OURS, NEWEST).replace(b"registry.*", b"registry.*", 1)
    commented = after.replace(b'      - "registry.', b'      # mine\n      - "registry.', 1)
    assert without_entry(commented, "f") == EKS.encode()


def test_of_our_own_file_nothing_is_left() -> None:
    assert without_entry(own_file(OURS, NEWEST), "f") is None


def test_an_empty_list_of_a_directory_s_file() -> None:
    content = EKS.partition("  - ")[0].rstrip().encode() + b" []\n"
    assert without_entry(content, "f") == content
    after = with_entry(content, "f", OURS, NEWEST)
    assert read(after).value["providers"] == [fields(OURS, NEWEST)]
    assert without_entry(after, "f") is None


def test_an_old_kubelet_gets_its_version() -> None:
    text = EKS.replace("io/v1", "io/v1beta1").encode()
    after = with_entry(text, "f", OURS, Version(1, 25, 0))
    assert read(after).value["providers"][1]["apiVersion"] == "credentialprovider.kubelet.k8s.io/v1beta1"
    newer = with_entry(after, "f", OURS, Version(1, 26, 0))
    assert read(newer).value["providers"][1]["apiVersion"] == "credentialprovider.kubelet.k8s.io/v1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "f: has no list `providers:` written out"),
        ("x: [\n", "f: line 1: "),
        (EKS.partition("  - ")[0], "f: has no list `providers:` written out"),
        (EKS.replace("providers:", "x: &x") + "providers: *x\n", "f: has no list `providers:` written out"),
        (EKS.replace("providers:", "x: &x {providers: []}\n<<: *x\ny:"), "f: has no list `providers:` written out"),
        (EKS.partition("  - ")[0] + "  name: x\n", "f: providers: is no list"),
        ("- a\n", "f: has no list `providers:` written out"),
        (EKS + "providers: []\n", "f: has no list `providers:` written out"),
        (EKS + "x: y\n", "kubelet 1.37.2 would not start with our entry added: f: field 'x' is unknown"),
        (EKS.replace('"12h"', "12"), "kubelet 1.37.2 would not start with our entry added: f: "),
    ],
)
def test_what_cannot_be_changed_is_left_alone(text: str, words: str) -> None:
    with pytest.raises(ProviderError) as raised:
        with_entry(text.encode(), "f", OURS, NEWEST)
    assert words in str(raised.value)


def test_an_anchor_in_our_entry_that_others_use() -> None:
    ours = with_entry(EKS.encode(), "f", OURS, NEWEST).replace(b"apiVersion: cred", b"apiVersion: &v cred")
    ours = ours.replace(b"apiVersion: &v cred", b"apiVersion: cred", 1)
    content = ours + b"  - {name: b, apiVersion: *v, matchImages: [b.io], defaultCacheDuration: 0s}\n"
    assert check(content, "f", NEWEST) == []
    with pytest.raises(
        ProviderError, match="put the entry aliyun-acr-credential-provider into it, or out of it, by hand"
    ):
        without_entry(content, "f")


def test_an_anchor_that_would_mean_something_else() -> None:
    ours = with_entry(EKS.replace('"12h"', '&v "12h"').encode(), "f", OURS, NEWEST).decode()
    again = ours.replace('defaultCacheDuration: "0s"', 'defaultCacheDuration: &v "0s"')
    content = again + ACR[ACR.index("- name") :].replace("10m", "*v").replace("\n", "\n  ").replace(
        "- name", "  - name"
    )
    assert check(content.encode(), "f", NEWEST) == []
    with pytest.raises(ProviderError, match="is written so that other providers would change too"):
        without_entry(content.encode(), "f")


def test_tokens_that_the_kubelet_does_not_know() -> None:
    entry = Entry(match_images([]), token_attributes=TokenAttributes("sts.aliyuncs.com", True, "Token"))
    assert entry_of(with_entry(EKS.encode(), "f", entry, NEWEST), "f") == entry
    with pytest.raises(ProviderError, match="tokenAttributes"):
        with_entry(EKS.encode(), "f", entry, Version(1, 33, 9))


def test_where_there_is_none() -> None:
    assert entry_of(EKS.encode(), "f") is None
    assert without_entry(EKS.encode(), "f") == EKS.encode()
