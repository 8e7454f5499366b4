"""A ConfigMap as a file: it says the same, and errors name lines that people find."""

import pytest

from provider.config.configuration import read_configuration
from provider.kubernetes.configuration_text import render

ITEMS = '- instanceId: cri-alpha\n  regionId: cn-hangzhou\n  domains: "a.example.com,b.example.com"\n'


def test_the_file_says_what_the_config_map_says() -> None:
    data = {"watch-namespace": "all", "service-account": "*", "expiring-threshold": "15m", "acr-registry-info": ITEMS}
    read = read_configuration(render(data), "config.yaml")
    assert read.findings == ()
    assert read.configuration.watch_namespaces == ("all",)
    assert read.configuration.service_accounts == ("*",)
    assert [instance.instance_id for instance in read.configuration.instances] == ["cri-alpha"]


@pytest.mark.parametrize(
    "value",
    ["true", "2018-12-01", "", " spaces ", "tab\tand\ntrailing \n", "- a\n- b", "\u00fc: 'x'", "#", "a: b\n\n\n"],
)
def test_every_text_comes_back_as_it_was(value: str) -> None:
    import yaml

    assert yaml.safe_load(render({"key": value})) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"key": value},
    }


def test_a_mistake_is_found_on_the_line_where_it_stands() -> None:
    text = render({"acr-registry-info": "- instanceId: cri-alpha\n  regionId: 7nowhere!\n"}).decode()
    read = read_configuration(text.encode(), "config.yaml")
    lines = text.splitlines()
    assert [lines[finding.line - 1].strip() for finding in read.findings] == ["regionId: 7nowhere!"]


def test_no_config_map_data_is_an_empty_configuration() -> None:
    read = read_configuration(render({}), "config.yaml")
    assert read.findings == ()
