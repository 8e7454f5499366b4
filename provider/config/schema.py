"""JSON schemas of the two files, for editors and for checks outside of this program, made from the models."""

import json
from typing import Any

from provider.config.local_models import EndpointKeys, LocalFile
from provider.config.models import ConfigurationFile, FileModel, InstanceItem, RrsaKeys, WebhookKeys
from provider.config.written import nested_model, spellings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOTHING = {"type": "null"}
_MANIFEST: dict[str, Any] = {
    "title": "ConfigMap",
    "description": "The ConfigMap acr-configuration, whole or with its data alone.",
    "type": "object",
    "properties": {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "ConfigMap"},
        "metadata": {"type": "object"},
        "immutable": {"type": "boolean"},
        "binaryData": {"anyOf": [{"type": "object", "maxProperties": 0}, _NOTHING], "description": "Not read."},
        "data": {"anyOf": [{"$ref": "#/$defs/ConfigurationFile"}, _NOTHING]},
    },
    "additionalProperties": False,
}
_SHORT = {"expiring-threshold": "15m", "watch-namespace": "default", "service-account": "default"}
"""Defaults as users write them, where the models hold what they mean."""


def configuration_schema() -> dict[str, Any]:
    """Return the JSON schema of `config.yaml`: a ConfigMap manifest, or its data alone, in every spelling."""
    return {
        "$schema": _DIALECT,
        "title": "Configuration of aliyun-acr-credential-provider",
        "description": "config.yaml: the ConfigMap acr-configuration, its data alone, or the managed edition's keys.",
        "if": {"type": "object", "anyOf": [{"required": ["kind"]}, {"required": ["data"]}]},
        "then": {"$ref": "#/$defs/ConfigMap"},
        "else": {"anyOf": [{"$ref": "#/$defs/ConfigurationFile"}, _NOTHING]},
        "$defs": {"ConfigMap": _MANIFEST, **_definitions(ConfigurationFile, InstanceItem, RrsaKeys, WebhookKeys)},
    }


def local_schema() -> dict[str, Any]:
    """Return the JSON schema of `local.yaml`."""
    return {
        "$schema": _DIALECT,
        "title": "Node-local configuration of aliyun-acr-credential-provider",
        "anyOf": [{"$ref": "#/$defs/LocalFile"}, _NOTHING],
        "$defs": _definitions(LocalFile, EndpointKeys),
    }


def render(schema: dict[str, Any]) -> str:
    """Return the text of a schema, as it stands in the documentation."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _definitions(*models: type[FileModel]) -> dict[str, Any]:
    return {model.__name__: _definition(model) for model in models}


def _definition(model: type[FileModel]) -> dict[str, Any]:
    """Return the schema of one model, with every spelling of every key."""
    schema = model.model_json_schema()
    properties: dict[str, Any] = {}
    for name, (first, *others) in spellings(model).items():
        own = _property(model, name, schema["properties"][first])
        properties[first] = own
        for other in others:
            properties[other] = {**own, "title": other, "description": f"Another spelling of {first}."}
    return {
        "title": model.__name__,
        "description": model.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _property(model: type[FileModel], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {key: schema[key] for key in ("title", "description")}
    inner, many = nested_model(model, name)
    if inner is not None:
        reference = {"$ref": f"#/$defs/{inner.__name__}"}
        whole = {"type": "array", "items": reference} if many else reference
        ways = [whole, {"type": "string", "description": "The same as YAML in a string."}]
        if "enable" in inner.model_fields:
            ways.append({"type": "boolean", "description": "The key enable alone."})
        return {**described, "anyOf": ways}
    default = _SHORT.get(schema["title"], schema.get("default"))
    values = {key: value for key, value in schema.items() if key not in ("title", "description", "default")}
    return {**described, **values, **({"default": default} if default not in (None, "", []) else {})}
