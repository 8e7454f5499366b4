"""The tables of what the SDKs are loaded without, held against the pinned versions, each in a fresh interpreter."""

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from provider.cloud.left_out import ABSENT, EMPTY, ON_DEMAND, PROVIDERS, LeftOut, left_out, model_file

ROOT = Path(__file__).parents[2]

LOAD = """
import alibabacloud_cr20181201.client
from alibabacloud_credentials.provider.ecs_ram_role import EcsRamRoleCredentialsProvider
"""


def run(script: str) -> Any:
    """Run a script in a bare environment; it prints one JSON value."""
    command = [sys.executable, "-W", "ignore", "-c", f"import json, sys\n{script}"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_the_untouched_sdks_import_every_part_that_is_left_out() -> None:
    loaded = run(f"{LOAD}\nprint(json.dumps(list(sys.modules)))")
    assert set(EMPTY) | set(ABSENT) | set(ON_DEMAND) <= set(loaded)


def test_loading_without_them_leaves_no_trace_and_most_of_the_modules_out() -> None:
    body = LOAD.replace("\n", "\n    ")
    loaded = run(
        "from provider.cloud.left_out import left_out\nbefore = list(sys.meta_path)\n"
        f"with left_out():{body}\n"
        "assert sys.meta_path == before\nprint(json.dumps(list(sys.modules)))"
    )
    assert not {name for name in loaded if name.partition(".")[0] in {*EMPTY, *ABSENT}}
    assert len(loaded) < 450
    models = [name for name in loaded if name.startswith("alibabacloud_cr20181201.models.")]
    assert models == []


def test_the_real_packages_can_be_had_afterwards() -> None:
    script = (
        "from provider.cloud.left_out import left_out\n"
        "with left_out():\n    import alibabacloud_tea_openapi.client\n"
        "from cryptography.hazmat.primitives.ciphers import algorithms\n"
        "import asyncio, certifi\n"
        "print(json.dumps([algorithms.AES.__name__, asyncio.run(asyncio.sleep(0, 'slept')), certifi.where()[-4:]]))"
    )
    assert run(script) == ["AES", "slept", ".pem"]


def test_every_model_is_found_in_its_file() -> None:
    script = (
        "import os\nimport alibabacloud_cr20181201.models as models\n"
        "files = [name.partition('.')[0] for name in os.listdir(models.__path__[0])]\n"
        "found = {name: value.__module__ for name, value in vars(models).items() if isinstance(value, type)}\n"
        "print(json.dumps([files, found]))"
    )
    files, found = run(script)
    assert len(found) > 300
    assert {name: f"alibabacloud_cr20181201.models.{model_file(name, files.__contains__)}" for name in found} == found


def test_every_provider_is_found_in_its_own_file() -> None:
    script = (
        "import alibabacloud_credentials.provider as provider\n"
        "print(json.dumps({name: getattr(provider, name).__module__ for name in provider.__all__}))"
    )
    found = run(script)
    for name, file in PROVIDERS.items():
        assert found[name] == f"alibabacloud_credentials.provider.{file}"


def test_a_provider_that_reads_files_in_home_cannot_be_used() -> None:
    script = (
        "from provider.cloud.left_out import left_out\n"
        "with left_out():\n    from alibabacloud_credentials.client import Client\n"
        "try:\n    Client()\nexcept RuntimeError as error:\n    print(json.dumps(str(error)))"
    )
    assert run(script).startswith("alibabacloud_credentials.provider.DefaultCredentialsProvider is left out")


def test_a_file_of_a_package_that_is_read_on_demand_can_be_imported_by_name() -> None:
    script = (
        "from provider.cloud.left_out import left_out\n"
        "with left_out():\n    from alibabacloud_credentials.provider import refreshable\n"
        "print(json.dumps(refreshable.__name__))"
    )
    assert run(script) == "alibabacloud_credentials.provider.refreshable"


@pytest.mark.parametrize("use", ["value()", "value.name", "value[0]", "list(value)", "isinstance(1, value)"])
def test_using_a_part_that_was_left_out_says_so(use: str) -> None:
    with pytest.raises((RuntimeError, TypeError)) as raised:
        eval(use, {"value": LeftOut("aiohttp.ClientSession")})
    assert "aiohttp.ClientSession is left out" in str(raised.value)


def test_deriving_from_a_part_that_was_left_out_says_so() -> None:
    base: Any = LeftOut("aiohttp.ClientSession")
    with pytest.raises(RuntimeError, match=r"aiohttp\.ClientSession is left out"):
        types.new_class("Derived", (base,))


def test_the_importer_is_taken_away_when_the_body_fails() -> None:
    before = list(sys.meta_path)
    with pytest.raises(KeyError), left_out():
        assert len(sys.meta_path) == len(before) + 1
        raise KeyError
    assert sys.meta_path == before
