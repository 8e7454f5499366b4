"""Whatever a file holds: nothing but findings comes of it, and they quote no value."""

import json
import traceback
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.config import document
from provider.config.configuration import read_configuration
from provider.config.finding import Findings
from provider.config.load import load
from provider.config.local import read_local
from provider.config.local_models import LocalFile
from provider.config.models import ConfigurationFile, InstanceItem, RrsaKeys, WebhookKeys
from provider.config.reading import validate
from provider.config.show import effective, render
from provider.config.written import Written, spellings
from provider.errors import ConfigurationError

SECRET = "q7SeCrEt8mArKeR9"

KEYS = sorted(
    {
        spelling
        for model in (ConfigurationFile, InstanceItem, RrsaKeys, WebhookKeys, LocalFile)
        for names in spellings(model).values()
        for spelling in names
    }
    | {"data", "kind", "<<", "// x", "endpoints"}
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["ConfigMap", "*", SECRET]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, SECRET]) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
FRAGMENTS = st.sampled_from(
    ["acr-registry-info", "rrsa", "data", SECRET, ":", ": ", "\n", "  ", "- ", "|\n", ">-\n", "{", "}", "[", "]", ",",
     '"', "'", "#", "//", "&a ", "*a", "!!str ", "!", "%YAML 1.1\n", "---\n", "...\n", "\t", "\r\n", "? ", "<<",
     "@", "`", "~", "\\", "\\ud800", "\\UFFFFFFFF", "\x00", "\x85", "\u2028", "\ufeff", '"a","b"', "cri-1", "9" * 50]
)  # fmt: skip
TEXTS = st.lists(FRAGMENTS | st.text(max_size=4), max_size=25).map("".join)


def _read_all(data: bytes) -> list[str]:
    configuration, local = read_configuration(data, "f"), read_local(data, "f")
    lines = [str(finding) for finding in (*configuration.findings, *configuration.advice, *local.findings)]
    assert SECRET not in "".join(lines)
    return lines


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_any_tree_gives_values_or_findings(value: object) -> None:
    lines = _read_all(json.dumps(value).encode())
    assert all(line.startswith("f") and "\n" not in line for line in lines)


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_any_tree_in_a_string_gives_values_or_findings(value: object) -> None:
    written = {
        "acr-registry-info": json.dumps(value),
        "rrsa": yaml.safe_dump(value),
        "webhook-configuration": str(value),
    }
    lines = _read_all(json.dumps({"data": written}).encode())
    assert all(line.startswith("f") and "\n" not in line for line in lines)


@given(st.binary(max_size=60) | TEXTS.map(lambda text: text.encode(errors="surrogatepass")))
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_values_or_findings(data: bytes) -> None:
    assert all(line.startswith("f") for line in _read_all(data))


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
def test_both_parsers_give_a_tree_or_mistakes(loader: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "_LOADER", getattr(yaml, loader))
        parsed = document.parse(text, lambda line: line + 1)
    lines = len(text.splitlines()) + 1
    assert all(1 <= mistake.line <= lines + 1 for mistake in parsed.mistakes)


LEAKING = {
    "wrong everywhere": "\n".join(f"{names[0]}: {SECRET}" for names in spellings(ConfigurationFile).values()),
    "wrong in an item": "acr-registry-info:\n- x: 1\n"
    + "\n".join(f"  {names[0]}: '{SECRET} {SECRET}'" for names in spellings(InstanceItem).values()),
    "no list": f"acr-registry-info: |\n  {SECRET}",
    "as a key": f"{SECRET}: 1",
    "as a key inside": f"acr-registry-info:\n- {{customAccessKeySecret:{SECRET}: 1}}",
    "as an item": f"acr-registry-info: [{SECRET}]",
    "no blank": f"acr-registry-info: |\n  - customAccessKey: a\n    customAccessKeySecret:{SECRET}\n    regionId: a\n",
    "quotes": f'acr-registry-info: |\n  - customAccessKeySecret: "{SECRET}\n',
    "quoted list": f'acr-registry-info: |\n  - customAccessKeySecret: "{SECRET}","{SECRET}"\n',
    "tag": f"rrsa: !{SECRET} x",
    "tag handle": f"rrsa: !{SECRET}!x x",
    "alias": f"rrsa: *{SECRET}",
    "anchor twice": f"a: &{SECRET} x\nb: &{SECRET} y\nc: *{SECRET}",
    "escape": f'rrsa: "\\{SECRET}"',
    "directive": f"%{SECRET} x\n---\na: b",
    "beside data": f"kind: {SECRET}\ndata: {{}}",
    "manifest key": f"kind: ConfigMap\n{SECRET}: {SECRET}\ndata: {SECRET}",
    "binaryData": f"kind: {SECRET}\ndata: {{}}\nbinaryData: {{a: {SECRET}}}",
    "domains": f"acr-registry-info:\n- domains: 'https://{SECRET}.docker.io,{SECRET}@x'",
    "comment": f"acr-registry-info: |\n  - customAccessKeySecret: {SECRET} // {SECRET}\n",
    "tab": f"rrsa:\n\tx: {SECRET}",
    "local": f"endpoints: {{sts: 'https://{SECRET}'}}\nca-file: {SECRET}",
    "control": f"rrsa: {SECRET}\x07",
}


@pytest.mark.parametrize("name", LEAKING)
def test_no_error_quotes_a_value(name: str, tmp_path: Path) -> None:
    paths = [tmp_path / "config.yaml", tmp_path / "local.yaml"]
    wrong = "rrsa: maybe\n", "ca-file: x\n"
    for number, path in enumerate(paths):
        path.write_text(LEAKING[name])
        paths[1 - number].write_text(wrong[1 - number])
        with pytest.raises(ConfigurationError) as caught:
            load(str(paths[0]), str(paths[1]))
        error = caught.value
        assert SECRET not in "".join([str(error), repr(error), *traceback.format_exception(error)])
        assert (error.__cause__, error.__context__) == (None, None)
        assert SECRET not in "".join(_read_all(LEAKING[name].encode()))


RIGHT = dedent(
    f"""\
    acr-registry-info: |
      - customAccessKey: {SECRET}1
        customAccessKeySecret: {SECRET}2
    """
)


def test_no_representation_of_the_values_shows_the_secret(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(RIGHT)
    loaded = load(str(tmp_path / "config.yaml"), str(tmp_path / "none"))
    [instance] = loaded.configuration.instances
    assert instance.access_key is not None
    assert instance.access_key.access_key_secret == f"{SECRET}2"
    assert f"{SECRET}2" not in repr(loaded)
    assert SECRET not in render(loaded.configuration, loaded.local, loaded.lines)
    assert SECRET not in json.dumps(effective(loaded.configuration, loaded.local))
    assert SECRET not in repr(read_configuration(RIGHT.encode(), "f").findings)


def test_words_of_pydantic_are_not_passed_on() -> None:
    findings = Findings("f")
    written = Written(data={"enable": SECRET, "timeout-seconds": "5", SECRET: 1})
    assert validate(written, WebhookKeys, findings).timeout_seconds == 5
    assert {finding.message for finding in findings.found} == {
        "is neither on nor off; right form: true, false, on or off",
        "is not a value that this key can have",
    }


def test_no_representation_of_models_and_trees_shows_the_key_pair() -> None:
    item = InstanceItem.model_validate({"customAccessKey": f"{SECRET}1", "customAccessKeySecret": f"{SECRET}2"})
    assert SECRET not in repr(item)
    assert SECRET not in repr(document.parse(RIGHT, lambda line: line + 1))
