"""values.yaml and its schema: each value is told of, used, and held to what it may be."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.helm import CHART, settings, template

VALUES = CHART / "values.yaml"
TEMPLATES = "\n".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
OWN_WORDS = ("requests", "limits")
"""Keys of Kubernetes' own below a value."""

BUNDLE = "-----BEGIN CERTIFICATE-----\nbWluZQ==\n-----END CERTIFICATE-----\n"

REFUSED = {
    "unknown value": ({"webhooks": True}, "webhooks"),
    "unknown value below": ({"rollout__slot": 2}, "slot"),
    "no slot": ({"rollout__slots": 0}, "/rollout/slots"),
    "slots as text": ({"rollout__slots": "one"}, "/rollout/slots"),
    "restart": ({"rollout__restart": "now"}, "'rolling', 'never'"),
    "delivery": ({"rollout__delivery": "files"}, "'flags', 'docker-config'"),
    "pull policy": ({"image__pullPolicy": "Sometimes"}, "'IfNotPresent'"),
    "no image": ({"image__repository": ""}, "/image/repository"),
    "tag with a repository": ({"image__tag": "team/agent:1"}, "/image/tag"),
    "placement": ({"secrets__placement": "none"}, "'separate', 'daemonset'"),
    "replicas": ({"secrets__replicas": 0}, "/secrets/replicas"),
    "token mode": ({"tokenMode": "worker"}, "'workerRole'"),
    "cluster id": ({"clusterId": "my cluster"}, "/clusterId"),
    "system namespace": ({"namespace": "kube-system"}, "/namespace"),
    "port": ({"agent__port": 70000}, "/agent/port"),
    "timeout": ({"webhook__timeoutSeconds": 31}, "/webhook/timeoutSeconds"),
    "no certificate": ({"webhook__authoritySecret": "mine", "webhook__caBundle": "bWluZQ=="}, "/webhook/caBundle"),
    "authority alone": ({"webhook__authoritySecret": "mine"}, "set both or none"),
    "certificate alone": ({"webhook__caBundle": BUNDLE}, "set both or none"),
    "failure policy": ({"webhook__failurePolicy": "fail"}, "'Ignore', 'Fail'"),
    "switch as text": ({"uninstall": "yes"}, "/uninstall"),
    "other variable": ({"secrets__environment": {"PATH": "/bin"}}, "PATH"),
}


def paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each value, also of those that hold others."""
    for key, below in value.items() if isinstance(value, dict) else ():
        yield (*above, key)
        if key != "resources":
            yield from paths(below, (*above, key))


def test_every_value_is_told_of_in_whole_sentences() -> None:
    lines = VALUES.read_text().splitlines()
    found = [number for number, line in enumerate(lines) if re.match(r" *[A-Za-z]+:", line)]
    told = [number for number in found if lines[number].split(":")[0].strip() not in (*OWN_WORDS, "cpu", "memory")]
    assert len(told) == len(list(paths(yaml.safe_load(VALUES.read_text()))))
    for number in told:
        comment = lines[number - 1].strip()
        assert comment.startswith("#") and comment.endswith("."), lines[number]


@pytest.mark.parametrize("path", list(paths(yaml.safe_load(VALUES.read_text()))), ids=".".join)
def test_every_value_is_used_and_in_the_schema(path: tuple[str, ...]) -> None:
    dotted = ".".join(path)
    assert f".Values.{dotted}" in TEMPLATES
    schema = json.loads((CHART / "values.schema.json").read_text())
    below = schema
    for part in path:
        below = below["properties"][part]
        if "$ref" in below:
            below = schema["definitions"][below["$ref"].rpartition("/")[2]]
    assert below


@pytest.mark.parametrize(("values", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, object], said: str) -> None:
    done = template("4", *settings(**values))
    assert done.returncode != 0
    assert said in done.stderr


def test_a_chart_around_it_may_give_it_global_values() -> None:
    assert template("4", *settings(**{"global": {"anything": 1}})).returncode == 0
