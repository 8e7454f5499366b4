"""What docs/node.md says of `status`, of the options and of node pools is so."""

import argparse
import re
import subprocess
from pathlib import Path

import pytest

from provider.commands import program
from provider.commands.assess import assess
from provider.commands.node_common import node_parser
from provider.commands.status import RESTART_PENDING, fields_of
from provider.commands.status_lines import Kept, as_text
from provider.node.delivery import GOOD_SECONDS, RUN_SECONDS
from tests.unit.test_node_status_assess import ANSWER, KEPT, NOW, WELL

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/node.md").read_text()
SNIPPETS: dict[str, str] = dict(re.findall(r"^```sh (\S+)\n(.*?)^```$", TEXT, re.M | re.S))
LITERAL = "> /etc/kubernetes/kubelet-customized-args.conf"


def test_every_field_of_the_json_is_documented_and_no_other() -> None:
    fields = fields_of(WELL, KEPT, assess(WELL, KEPT))
    table = TEXT.partition("`--json` prints an object:")[2].partition("Times are in")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M))
    assert documented.keys() == fields.keys()
    for name, value in fields.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict):
            assert {key for key in first if f"`{key}`" not in documented[name]} == set()


def test_the_text_is_aligned_and_the_end_sums_it_up() -> None:
    lines = as_text(assess(WELL, KEPT), RESTART_PENDING).splitlines()
    assert lines[-1] == "all well"
    assert {line[23] for line in lines[:-2]}.isdisjoint(" ")
    assert lines[0].startswith("ok      install        0.1.0")
    assert "1 to mend" in as_text(assess(WELL, Kept(problem="x")), RESTART_PENDING)


def test_nothing_that_status_prints_holds_a_password() -> None:
    assert ANSWER.password == "p"
    fields = fields_of(WELL, KEPT, assess(WELL, KEPT))
    assert fields["answers"] == [
        {
            "host": ANSWER.host,
            "renew": "2023-11-14T22:43:20Z",
            "end": "2023-11-14T23:13:20Z",
            "valid": True,
            "source": "instance cri-x",
        }
    ]
    assert NOW == 1_700_000_000


def test_the_options_that_are_named_exist() -> None:
    parser = node_parser("install", "", restart="now")
    assert isinstance(parser, argparse.ArgumentParser)
    known = {option for action in parser._actions for option in action.option_strings}
    known |= {"--prefix", "--delivery", "--json", "--service-account"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    foreign = {"--retry", "--strip-components", "--root-dir"}
    assert named - foreign <= known
    assert set(re.findall(r"^\| `(\w+)", TEXT.partition("| option |")[0], re.M)) <= program.COMMANDS.keys()


def test_what_ack_looks_for_is_in_the_script_for_node_pools() -> None:
    assert LITERAL in SNIPPETS["user-data"]


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_scripts_are_scripts(name: str) -> None:
    done = subprocess.run(["sh", "-n"], input=SNIPPETS[name], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_how_long_entries_are_good_is_as_documented() -> None:
    assert f"renewed {GOOD_SECONDS // 60} minutes before its end" in TEXT
    assert GOOD_SECONDS - RUN_SECONDS >= 600
