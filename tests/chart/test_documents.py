"""What the documents say of the chart is so."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from provider.kubernetes.node_lease import State
from tests.chart.helm import CHART, ROOT, SYSTEM, helm, settings
from tests.chart.test_metrics import known

DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / "README.md", ROOT / "README.zh-CN.md", CHART / "README.md", CHART / "templates/NOTES.txt"),
    *sorted((ROOT / "provider/commands").glob("*.py")),
]
AGENT, MIGRATION = ((ROOT / f"docs/{name}.md").read_text() for name in ("agent", "migration"))
SET = re.compile(r"--set[ =]([a-zA-Z.]+)=")
SECTIONS = "image|serviceAccount|rollout|secrets|webhook|metrics|kubeletAudience"
VALUE = re.compile(rf"`((?:{SECTIONS})\.[a-zA-Z.]+)(?:[:=][^`]*)?`")


def value_of(path: str) -> Any:
    found = yaml.safe_load((CHART / "values.yaml").read_text())
    for part in path.split("."):
        assert part in found, path
        found = found[part]
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_value_that_is_named_is_there(path: Path) -> None:
    text = path.read_text()
    for name in (*SET.findall(text), *(VALUE.findall(text) if path.suffix == ".md" else ())):
        value_of(name)


def test_the_document_names_values_states_and_figures() -> None:
    assert {"image.repository", "uninstall"} <= set(SET.findall(AGENT))
    assert "secrets.takeover" in SET.findall(MIGRATION)
    assert {"rollout.slots", "rollout.maxUnavailable"} <= set(VALUE.findall(AGENT))
    for state in get_args(State):
        assert f"`{state}`" in AGENT
    named = {name.removesuffix("_total") for name in re.findall(r"`([a-z]+_[a-z_]+)(?:\{[a-z,]+\})?`", AGENT)}
    prefix = "acr_credential_provider_"
    assert named >= {name.removeprefix(prefix) for name in known()} - {"nodes", "leader", "refusals"}


def test_ports_are_those_of_the_values() -> None:
    assert f"port {value_of('secrets.port')}" in AGENT
    assert f"{value_of('agent.port')};" in AGENT


def notes(**values: object) -> str:
    """What Helm says after it has installed the chart, in a cluster that has nothing yet."""
    arguments = ("--dry-run=client", f"--namespace={SYSTEM}")
    done = helm("4", "install", "release", str(CHART), *arguments, *settings(**values))
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]


def test_the_notes_warn_of_what_should_not_stay_so() -> None:
    assert "WARNING: image.repository is the default" in notes()
    said = notes(image__repository="registry.example.com/agent")
    assert "WARNING" not in said and "NOTE:" not in said
    assert "helm upgrade release CHART --namespace kube-system --reuse-values --set uninstall=true" in said
    assert "is on every node" in notes(secrets__placement="daemonset")
    assert 'is "pending" till then' in notes(rollout__restart="never")


def test_the_notes_say_how_it_is_taken_away() -> None:
    said = notes(uninstall=True)
    assert "rollout status daemonset/aliyun-acr-credential-provider" in said
    assert "helm uninstall release --namespace kube-system" in said
    assert "being put" not in said
