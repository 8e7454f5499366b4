"""Our entry in somebody else's provider file: added, brought up to date, taken out; nothing else of it changes.

The text is cut and joined at the places that the parser tells, never written anew: comments, order, indentation,
quotes, line ends and what stands behind the first document stay as they are. What came out is read again, and refused
where anything but our entry is different.
"""

from typing import Any

from provider.errors import ProviderError
from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check
from provider.node.provider_file.entry import Entry, block_lines, entry_from, fields
from provider.node.provider_file.layout import (
    Span,
    behind_last,
    flow_gap,
    flow_item,
    item_lines,
    newline,
    style,
)
from provider.node.provider_file.source import Source
from provider.places import PROGRAM


def with_entry(content: bytes, name: str, entry: Entry, version: Version) -> bytes:
    """Return a file with our entry as it is to be: behind the others, or where it is already.

    The same bytes where nothing is to change. Raises ProviderError where the file cannot be read or cannot be changed
    without touching more than our entry, or where the kubelet would not start with the result.
    """
    source = Source.of(content, name)
    wanted = fields(entry, version)
    if source.our_fields == wanted:
        return content
    ours = source.ours
    text = _appended(source, entry, version) if ours is None else _replaced(source, ours, entry, version)
    new = source.encoded(text)
    _same_rest(source, new, wanted)
    problems = check(new, name, version)
    if problems:
        raise ProviderError(f"kubelet {version} would not start with our entry added: {'; '.join(problems)}")
    return new


def without_entry(content: bytes, name: str) -> bytes | None:
    """Return a file without our entry: what it was before with_entry, if nobody changed it since.

    The same bytes where our entry is not there; None where no other provider is left, so that the file must go. Raises
    ProviderError as with_entry does.
    """
    source = Source.of(content, name)
    ours = source.ours
    if ours is None:
        return content
    if len(source.providers.items) == 1:
        return None
    new = source.encoded(_removed(source, ours))
    _same_rest(source, new, None)
    return new


def has_entry(content: bytes, name: str) -> bool:
    """Tell whether our entry is in a file. Raises ProviderError where that cannot be read."""
    return Source.of(content, name).ours is not None


def entry_of(content: bytes, name: str) -> Entry | None:
    """Return our entry as a file has it; None where it is not there. Raises ProviderError where it cannot be read."""
    found = Source.of(content, name).our_fields
    return None if found is None else entry_from(found, name)


def _appended(source: Source, entry: Entry, version: Version) -> str:
    text, providers = source.text, source.providers
    if providers.flow:
        if not providers.items:
            return Span(providers.start + 1, providers.start + 1).replaced(
                text, flow_item(source, fields(entry, version), -1)
            )
        end = providers.items[-1].end
        return Span(end, end).replaced(text, flow_gap(source) + flow_item(source, fields(entry, version), -1))
    new = _lines(source, entry, version, -1)
    place = behind_last(source)
    whole_lines = place == 0 or text[place - 1] == "\n"
    return Span(place, place).replaced(text, new + newline(text) if whole_lines else newline(text) + new)


def _replaced(source: Source, ours: int, entry: Entry, version: Version) -> str:
    item = source.providers.items[ours]
    if source.providers.flow:
        return Span(item.start, item.end).replaced(source.text, flow_item(source, fields(entry, version), ours))
    span = item_lines(source, ours)
    old_end = "\r" if source.text[: span.end].endswith("\r") else ""
    return span.replaced(source.text, _lines(source, entry, version, ours) + old_end)


def _removed(source: Source, ours: int) -> str:
    text, items = source.text, source.providers.items
    if source.providers.flow:
        span = Span(items[ours - 1].end, items[ours].end) if ours else Span(items[0].start, items[1].start)
        return span.replaced(text, "")
    start, end = item_lines(source, ours)
    if end < len(text):
        return Span(start, end + 1).replaced(text, "")
    return text[:start].removesuffix("\n").removesuffix("\r")


def _lines(source: Source, entry: Entry, version: Version, number: int) -> str:
    how = style(source, number)
    return newline(source.text).join(block_lines(entry, version, dash=how.dash, gap=how.gap, nested=how.nested))


def _same_rest(source: Source, new: bytes, wanted: dict[str, Any] | None) -> None:
    """Raise ProviderError where more than our entry changed."""
    way = f"put the entry {PROGRAM} into it, or out of it, by hand"
    try:
        result = Source.of(new, source.name)
    except ProviderError as error:
        raise ProviderError(f"{error}: that is what would come out; {way}") from None
    if result.our_fields != wanted or result.rest() != source.rest():
        raise ProviderError(f"{source.name}: is written so that other providers would change too; {way}")
