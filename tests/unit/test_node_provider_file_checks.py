"""The checker by the table that `make test-kubelets` holds against real kubelets, and what that cannot show."""

import pytest

from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check, check_set
from provider.node.provider_file.stricter import STRICTER
from tests.kubernetes.cases import CASES
from tests.kubernetes.provider_files import BASE, ENTRY, JSON, PROGRAMS, TOKENS, Case, base, image

VERSIONS = [
    Version(*numbers)
    for numbers in ((1, 26, 0), (1, 29, 6), (1, 31, 14), (1, 32, 0), (1, 33, 9), (1, 34, 0), (1, 37, 2), (1, 99, 0))
]
NEWEST = Version(1, 37, 2)
NOT_IN_REACH = {"name", "program"}
"""What only kubelets take that are too old to be built for the tests."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table(case: Case) -> None:
    for version in (version for version in VERSIONS if str(version).startswith(case.only)):
        found = check_set(case.files, version, PROGRAMS.__contains__, directory=case.directory)
        assert (not found) == (case.starts(version) and not case.stricter), (version, found)


def test_every_place_where_the_checker_is_stricter_has_an_example() -> None:
    assert {case.stricter for case in CASES} - {""} == STRICTER.keys() - NOT_IN_REACH


@pytest.mark.parametrize("case", [case for case in CASES if case.stricter], ids=lambda case: case.name)
def test_a_stricter_verdict_says_so(case: Case) -> None:
    version = next(version for version in VERSIONS if case.starts(version) and str(version).startswith(case.only))
    found = check_set(case.files, version, None)
    assert any(STRICTER[case.stricter] in problem for problem in found)


@pytest.mark.parametrize("minor", [24, 25])
def test_v1_is_unknown_before_126(minor: int) -> None:
    version = Version(1, minor, 3)
    assert check(BASE.replace("io/v1", "io/v1beta1").encode(), "f", version) == []
    # One line for the file, which cannot be read any further.
    (problem,) = check(BASE.encode(), "f", version)
    assert "takes kubelet.config.k8s.io/v1beta1, kubelet.config.k8s.io/v1alpha1" in problem
    (problem,) = check(base("kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v1beta1").encode(), "f", version)
    assert "provider 'a': apiVersion: is 'credentialprovider.kubelet.k8s.io/v1'" in problem


def test_kubelets_that_are_too_old() -> None:
    (problem,) = check(BASE.encode(), "f", Version(1, 23, 17))
    assert problem == "kubelet 1.23.17 does not run credential providers; 1.24.0 and newer do"


def test_a_provider_without_a_name() -> None:
    (problem,) = check(base("name: a", 'name: ""').encode(), "f", Version(1, 28, 0))
    assert STRICTER["name"] in problem


@pytest.mark.parametrize("name", ["bin/a", "a b", ".", ".."])
def test_names_that_are_wrong_whatever_is_in_the_bin_directory(name: str) -> None:
    (problem,) = check(base("name: a", f"name: {name}").encode(), "f", NEWEST)
    assert problem.startswith(f"f: provider '{name}': name: is no name of a file in the bin directory")


def test_a_program_that_may_not_be_run_counts_as_missing() -> None:
    assert check_set({"f": BASE.encode()}, NEWEST, lambda name: name == "a") == []
    (problem,) = check_set({"f": BASE.encode()}, NEWEST, lambda name: False)
    assert problem.startswith("f: provider 'a': the bin directory has no program of that name")


def test_the_content_tells_json_from_yaml_and_the_name_does_not() -> None:
    assert check(JSON.encode(), "providers.yaml", NEWEST) == []
    assert check(BASE.encode(), "providers.json", NEWEST) == []


def test_one_file_of_a_directory_may_be_empty() -> None:
    empty = BASE.partition("  - ")[0] + "  []\n"
    assert check_set({"a.yaml": BASE.encode(), "b.yaml": empty.encode()}, NEWEST, None) == []
    assert check(empty.encode(), "b.yaml", NEWEST) == [
        "b.yaml: providers: is empty; the kubelet wants one at least",
    ]


def test_more_than_one_file_is_a_directory() -> None:
    other = BASE.replace("name: a", "name: b").encode()
    assert check_set({"a.yaml": BASE.encode(), "b.yaml": other}, NEWEST, None) == []
    (problem,) = check_set({"a.yaml": BASE.encode(), "b.yaml": other}, Version(1, 33, 9), None)
    assert "does not read a directory" in problem


def test_a_directory_of_one_file_needs_an_ending() -> None:
    assert check_set({"a": BASE.encode()}, NEWEST, None, directory=True) == [
        "there is no provider file; names end in .json, .yaml, .yml"
    ]


def test_a_file_that_cannot_be_read() -> None:
    (problem,) = check_set({"a.yaml": BASE.encode(), "b.yaml": None}, NEWEST, None)
    assert problem == "b.yaml: cannot be read; remove it, or what it links to is missing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (image("a b.io"), ["f: provider 'a': matchImages: 'a b.io': ' ' cannot stand", "right form"]),
        (BASE + "    Args: [x]\n", ["f: providers[0]: field 'Args' is unknown to kubelet 1.37.2", "write args"]),
        (BASE + "metadata: {}\n", ["f: field 'metadata' is unknown", "remove it"]),
        (BASE + "    name: b\n", ["f: the same key twice (line 9: 'name')", "remove"]),
        (base("12h", "12"), ["f: providers[0].defaultCacheDuration: must be a duration in quotes", '"12h"']),
        (base("12h", "-12h"), ["f: provider 'a': defaultCacheDuration: '-12h' is negative", "write 0s"]),
        (BASE + BASE[BASE.index("  - ") :], ["f: provider 'a': a provider of that name is there already", "remove"]),
        (BASE + "x: [\n", ["f: line 9: ", "not closed"]),
        (f'{{"providers": [{ENTRY}]', ["f: line 1: this is not JSON", "see that"]),
        (BASE + TOKENS.replace("Token\n", "Pod\n"), ["tokenAttributes: cacheType: is 'Pod'; right form"]),
    ],
)
def test_messages_name_file_provider_value_and_way_out(text: str, words: list[str]) -> None:
    (problem,) = check(text.encode(), "f", NEWEST)
    assert "\n" not in problem
    for word in words:
        assert word in problem


@pytest.mark.parametrize(
    "text",
    [
        BASE + "    env: [{name: TOKEN, value: s3cret, x: y}]\n",
        BASE + "    env: [{name: TOKEN, value: s3cret}]\n    args: [--password=s3cret, 1]\n",
        BASE + "    args: --password=s3cret\n",
        BASE + "    env: {TOKEN: s3cret}\n",
        BASE + "    args: [s3cret\n",
        '{"env": "s3cret",,}',
    ],
)
def test_no_message_repeats_what_may_be_secret(text: str) -> None:
    found = check(text.encode(), "f", NEWEST)
    assert found
    assert "s3cret" not in " ".join(found)
