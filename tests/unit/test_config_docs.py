"""What the documentation shows is what the program reads."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from provider.config.configuration import read_configuration
from provider.config.local import read_local
from provider.config.local_models import EndpointKeys, LocalFile
from provider.config.models import ConfigurationFile, FileModel, InstanceItem, RrsaKeys, WebhookKeys
from provider.config.schema import configuration_schema, local_schema, render
from provider.config.written import spellings
from provider.docker import places_of
from provider.environment import Environment
from provider.identity.policies import PULL_ONLY_POLICY

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXT = (DOCS / "configuration.md").read_text()
EXAMPLES = re.findall(r"^```yaml( local)?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_there_are_examples_of_both_files() -> None:
    assert [kind for kind, _ in EXAMPLES].count(" local") == 1
    assert len(EXAMPLES) >= 9


@pytest.mark.parametrize("example", [text for kind, text in EXAMPLES if not kind])
def test_every_example_of_config_yaml_is_right(example: str) -> None:
    assert read_configuration(example.encode(), "config.yaml").findings == ()
    Draft202012Validator(configuration_schema()).validate(yaml.safe_load(example))


@pytest.mark.parametrize("example", [text for kind, text in EXAMPLES if kind])
def test_every_example_of_local_yaml_is_right(example: str) -> None:
    read = read_local(example.encode(), "local.yaml")
    assert read.findings == ()
    assert read.local.endpoints.acr == "cr.cloud.example.com:8443"
    Draft202012Validator(local_schema()).validate(yaml.safe_load(example))


@pytest.mark.parametrize("model", [ConfigurationFile, RrsaKeys, WebhookKeys, LocalFile, EndpointKeys])
def test_every_spelling_is_documented(model: type[FileModel]) -> None:
    missing = {name for names in spellings(model).values() for name in names if f"`{name}`" not in TEXT}
    assert missing == set()


def test_every_field_of_an_item_is_documented() -> None:
    missing = {names[0] for names in spellings(InstanceItem).values() if f"`{names[0]}`" not in TEXT}
    assert missing == set()


def test_the_session_policy_in_the_documentation_is_the_one_that_is_sent() -> None:
    [shown] = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert json.dumps(json.loads(shown), separators=(",", ":")) == PULL_ONLY_POLICY


@pytest.mark.parametrize("edition", ["an Enterprise Edition instance", "Personal Edition"])
def test_neither_edition_of_the_own_account_is_said_to_need_configuration(edition: str) -> None:
    beginning = " ".join(TEXT.partition("\n|")[0].split())
    without, _, needed = beginning.partition("Configuration is needed for")
    assert edition in without
    assert needed
    assert edition not in needed


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", *(f"docs/{each.name}" for each in sorted(DOCS.glob("*.md")))]
)
def test_lines_are_wrapped(name: str) -> None:
    prose = re.sub(r"^ *```.*?```$", "", (ROOT / name).read_text(), flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_the_places_of_a_docker_helper_without_root_are_documented() -> None:
    places = places_of(Environment(home="~", xdg_runtime_dir="$XDG_RUNTIME_DIR"), 1000)
    readme = (ROOT / "README.md").read_text()
    assert f"`{Path(places.config).parent}/`" in readme
    assert f"`{places.state}/`" in readme


def test_the_schema_in_the_documentation_is_the_one_of_the_models() -> None:
    assert (DOCS / "configuration.schema.json").read_text() == render(configuration_schema())


@pytest.mark.parametrize("binary", [{}, None])
def test_the_schema_takes_a_whole_config_map(binary: object) -> None:
    written = {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True, "binaryData": binary, "data": {}}
    Draft202012Validator(configuration_schema()).validate(written)


@pytest.mark.parametrize("schema", [configuration_schema(), local_schema()])
def test_schemas_are_schemas(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert json.loads(render(schema)) == schema


@pytest.mark.parametrize(
    "wrong",
    [
        {"watch-namespac": "a"},
        {"expiring-threshold": 15},
        {"token-mode": "managed"},
        {"acr-registry-info": [{"instanceId": "crpi-x"}]},
        {"acr-registry-info": [{"expireDuration": 10}]},
        {"data": {"endpoints": {}}},
        {"kind": "ConfigMap", "data": {"scope": "cluster"}},
        {"webhookConfiguration": {"timeoutSeconds": 31}},
        {"acr-registry-info": {"instanceId": "cri-x"}},
        {"data": {}, "binaryData": {"acr-registry-info": "e30="}},
    ],
)
def test_the_schema_refuses_what_the_program_refuses(wrong: dict[str, Any]) -> None:
    assert not Draft202012Validator(configuration_schema()).is_valid(wrong)
    assert read_configuration(json.dumps(wrong).encode(), "config.yaml").findings
