"""The bundle's bill of materials (CycloneDX, JSON), the same bytes for the same contents."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from components import Component

SPECIFICATION = "1.6"


def bill_of_materials(name: str, version: str, components: Sequence[Component], epoch: int) -> str:
    """Return the document; `epoch` is the time that stands in it, in seconds."""
    purl = f"pkg:generic/{name}@{version}"
    listed = [_component(component) for component in components]
    content = json.dumps(listed, sort_keys=True)
    serial = uuid5(NAMESPACE_URL, f"{purl} {epoch} {hashlib.sha256(content.encode()).hexdigest()}")
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "purl": purl,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": listed,
        "dependencies": [{"ref": purl, "dependsOn": [component.purl for component in components]}],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(component: Component) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
    }
    if component.licence:
        listed["licenses"] = [{"license": {"name": component.licence}}]
    # What its publisher compiled in; other fields of these lists tell of the publisher's machine.
    inner = [
        {key: part[key] for key in ("type", "name", "version", "purl") if key in part}
        for path in component.parts
        for part in json.loads(path.read_text()).get("components", ())
    ]
    if inner:
        listed["components"] = sorted(inner, key=lambda part: (str(part["name"]), str(part.get("version", ""))))
    return listed
