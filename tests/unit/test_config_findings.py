"""Files of a wrong form, each with the exact place and the beginning of what is said."""

import time
from textwrap import dedent

import pytest

from provider.config.configuration import read_configuration
from provider.config.finding import MAXIMUM

# name: (file, the findings as PATH:LINE: KEY: beginning of the message)
WRONG: dict[str, tuple[str, list[str]]] = {
    "not keys": ("- a\n", ["f:1: this is no configuration; expected are keys"]),
    "one word": ("\n\nhello\n", ["f:3: this is no configuration"]),
    "another kind": ("kind: Secret\ndata: {}\n", ["f:1: kind: is another kind of object; right form: kind: ConfigMap"]),
    "a list of objects": ("apiVersion: v1\nkind: List\nitems: []\n", ["f:2: kind: is another kind of object"]),
    "data is a list": ("data:\n- a\n", ["f:2: this is no configuration"]),
    "beside data": (
        "kind: ConfigMap\nwatch-namespace: a\ndata: {}\nfoo: 1\n",
        ["f:2: watch-namespace: stands beside `data`; right form: under data", "f:4: foo: is no key of a ConfigMap"],
    ),
    "binaryData": (
        "kind: ConfigMap\nbinaryData:\n  acr-registry-info: e30=\ndata: {}\n",
        ["f:2: binaryData: is not read; right form: as text under data"],
    ),
    "binaryData twice": (
        "kind: ConfigMap\nbinaryData: {}\nbinaryData: {}\ndata: {}\n",
        ["f:3: binaryData: is given twice: first on line 2"],
    ),
    "data twice": ("kind: ConfigMap\ndata: {}\ndata: {}\n", ["f:3: data: is given twice: first on line 2"]),
    "two documents": ("rrsa: off\n---\nrrsa: on\n", ["f:3: a second YAML document begins here"]),
    "a key twice": (
        "discovery: on\nscope: node\ndiscovery: on\n",
        ["f:3: discovery: is given twice: as discovery on line 1"],
    ),
    "a key in both spellings": (
        "watch-namespace: a\nwatchNamespace: b\n",
        ["f:2: watchNamespace: is given twice: as watch-namespace on line 1"],
    ),
    "a key twice inside": (
        "rrsa: |\n  enable: false\n  enable: true\n",
        ["f:3: rrsa.enable: is given twice: as rrsa.enable on line 2"],
    ),
    "unknown, near": (
        "watch-namespaces: a\n",
        ["f:1: watch-namespaces: is no key that we know; the nearest is watch-"],
    ),
    "unknown, far": ("colour: red\n", ["f:1: colour: is no key that we know; remove it"]),
    "unknown inside": (
        "acr-registry-info: |\n\n  - instanceID: cri-1\n    regionId: cn-a\n",
        ["f:3: acr-registry-info[0].instanceID: is no key that we know; the nearest is instanceId"],
    ),
    "unknown, maybe a value": (
        "{customAccessKeySecret:q7: 1}\n",
        ["f:1: a key here is none that we know, and not shown"],
    ),
    "merge key": ("<<: {}\n", ["f:1: a merge key (`<<`) stands here"]),
    "alias": ("rrsa: &a {enable: off}\nwebhook-configuration: *a\n", ["f:2: an alias (`*name`) stands here"]),
    "pattern taken for an alias": (
        "service-account: *\n",
        ['f:1: a text that begins with * must be quoted; right form: "*"'],
    ),
    "tag": ("rrsa: !!binary aGk=\n", ["f:1: a YAML tag (`!name`) stands here"]),
    "tab": ("rrsa:\n\tenable: true\n", ["f:2: a tab stands here; YAML is indented with spaces"]),
    "no blank behind the colon": ("discovery:off\nscope: node\n", ["f:2: a second colon on this line"]),
    "quote not closed": ('scope: "node\n', ["f:1: a quotation mark is not closed"]),
    "bracket not closed": ("domains: [a\n", ["f:1: a bracket or brace is not closed"]),
    "indentation": ("rrsa:\n  enable: off\n scope: node\n", ["f:3: the indentation does not fit"]),
    "control character": ("scope: node\n# \x07\n", ["f:2: a control character stands here"]),
    "list as a key": ("? [a]\n: b\n", ["f:1: a key must be one word"]),
    "value is keys": ("scope:\n  a: b\n", ["f:2: scope: must be a plain value"]),
    "value is a list": ("scope: [node]\n", ["f:1: scope: must be one value, not a list"]),
    "not a list": (
        "acr-registry-info: |\n  instanceId: cri-1\n",
        ["f:2: acr-registry-info: must be a list; right form"],
    ),
    "item is no keys": ("acr-registry-info: [a, {}]\n", ["f:1: acr-registry-info[0]: must be keys with values"]),
    "empty item": ("acr-registry-info:\n  -\n", ["f:2: acr-registry-info[0]: must be keys with values"]),
    "rrsa is a list": ("rrsa: |\n  - enable\n", ["f:2: rrsa: must be keys with values; right form: enable: true"]),
    "quoted list": (
        'acr-registry-info: |\n  - instanceId: cri-1\n    domains: "a.com","b.com"\n    regionId: x\n',
        [
            "f:3: acr-registry-info.domains: several quoted texts in a row are not one value; right form: domains: "
            '"a.example.com,b.example.com"',
            "f:4: acr-registry-info[0].regionId: is not a region id",
        ],
    ),
    "slash comments": (
        'acr-registry-info: |\n  // ours\n  - instanceId: "cri-1" // the id\n    regionId: x\n',
        [
            "f:2: acr-registry-info: `//` begins no comment in YAML; right form: # and the text",
            "f:3: acr-registry-info: `//` begins no comment in YAML",
            "f:4: acr-registry-info[0].regionId: is not a region id",
        ],
    ),
    "slash comment in a value": ("scope: node // all\n", ["f:1: scope: `//` begins no comment in YAML"]),
    "slash comment as a key": ("// note: 1\n", ["f:1: `//` begins no comment in YAML"]),
    "both shapes and something else": (
        'acr-registry-info: |\n  - domains: "a.com","b.com" // two\n    regionId: [\n',
        [
            "f:2: acr-registry-info.domains: several quoted texts",
            "f:2: acr-registry-info: `//` begins",
            "f:3: acr-registry-info: a bracket or brace is not closed",
        ],
    ),
    "folded text": (
        'acr-registry-info: "- instanceId: cri-1\\n  regionId: x\\n"\n',
        ["f:1: acr-registry-info[0].regionId: is not a region id"],
    ),
    "windows line ends": (
        "scope: node\r\nacr-registry-info: |\r\n  - regionId: x\r\n",
        ["f:3: acr-registry-info[0].regionId: is not a region id"],
    ),
    "JSON": (
        '{"kind": "ConfigMap",\n "data": {"acr-registry-info": "- regionId: x"}}',
        ["f:2: acr-registry-info[0].regionId: is not a region id"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name: str) -> None:
    text, expected = WRONG[name]
    found = [str(finding) for finding in read_configuration(dedent(text).encode(), "f").findings]
    assert [line[: len(start)] for line, start in zip(found, expected, strict=False)] == expected
    assert len(found) == len(expected), found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: " + b"x" * (1 << 20), "f: the file is larger than 1 MiB"),
        ("scope: node\n".encode("utf-16"), "f: the file is UTF-16; save it as UTF-8"),
        (b"scope: node\nrrsa: \xff\n", "f:2: this is not UTF-8"),
        (b"a: " + b"[" * 50_000, "f:1: nested deeper than any configuration"),
        (b"a: " + b"{a: " * 50_000, "f:1: nested deeper than 20 levels"),
        (b"- \n" * 300_000, "f:50000: more than 50000 values"),
    ],
)
def test_files_that_are_not_read_to_the_end(data: bytes, expected: str) -> None:
    assert [str(finding)[: len(expected)] for finding in read_configuration(data, "f").findings] == [expected]


def test_many_findings_are_counted_and_not_all_shown() -> None:
    data = b"".join(b"scop%s: x\n" % (b"e" * (number % 30 + 2)) for number in range(3000)) + b"scope: x\n"
    found = read_configuration(data, "f").findings
    assert [finding.key for finding in found if finding.kind == "wrong"] == ["scope"]
    assert len(found) == MAXIMUM + 2
    assert (found[-1].message, found[-1].kind) == (f"{3000 - MAXIMUM} more findings, not shown", "unknown")


def test_long_lines_cost_no_time() -> None:
    line = '  - domains: "a.com","b.com"' + " " * 4000 + "x\n"
    started = time.process_time()
    [found] = read_configuration(("acr-registry-info: |\n" + line * 250).encode(), "f").findings
    assert found.line == 2
    assert time.process_time() - started < 2
