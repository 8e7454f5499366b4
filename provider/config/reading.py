"""What both files have in common: from bytes to a model, with everything that is wrong at once."""

from typing import TypeVar

from pydantic import ValidationError

from provider.config import document
from provider.config.document import Node
from provider.config.fields import FORM
from provider.config.finding import Findings
from provider.config.models import FileModel
from provider.config.written import Location, Written

Model = TypeVar("Model", bound=FileModel)


def parse_file(data: bytes, findings: Findings) -> Node | None:
    """Return the tree of a file's content; what is wrong with the YAML goes to `findings`."""
    parsed = document.parse_bytes(data)
    for mistake in parsed.mistakes:
        findings.add(mistake.line, mistake.key, mistake.message)
    return parsed.node


def validate(written: Written, model: type[Model], findings: Findings) -> Model:
    """Return the model of what was written, with defaults in place of what is wrong, which goes to `findings`."""
    try:
        return model.model_validate(written.data)
    except ValidationError as error:  # its text quotes values: only kind and location are used
        errors = error.errors(include_url=False, include_input=False, include_context=False)
    for detail in errors:
        place = written.place(detail["loc"])
        message = detail["msg"] if detail["type"] == FORM else "is not a value that this key can have"
        findings.add(place.line, place.key, message)
        _remove(written.data, detail["loc"])
    return model.model_validate(written.data)


def _remove(data: object, location: Location) -> None:
    for part in location[:-1]:
        match data, part:
            case (dict(), str()):
                data = data[part]
            case (list(), int()):
                data = data[part]
    if isinstance(data, dict):
        data.pop(location[-1], None)
