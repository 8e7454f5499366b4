"""Where things stand in a JSON text, as the nodes that YAML is read into."""

import re

from provider.node.provider_file.nodes import Collection, Node, Scalar

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s\[\]{},:"]+')


def compose(text: str) -> Node | None:
    """Return the nodes of a text that `json` reads. The text of scalars is as it is written, with its quotes."""
    root: Node | None = None
    open_: list[Collection] = []
    for token in _TOKEN.finditer(text):
        start, end, line = token.start(), token.end(), 0
        if token[0] in "]}":
            open_.pop().end = end
            continue
        column = start - text.rfind("\n", 0, start) - 1
        if token[0] in "[{":
            node: Node = Collection(token[0] == "{", True, start, line, column)
        else:
            node = Scalar(token[0], False, start, end, line, column)
        if open_:
            open_[-1].items.append(node)
        else:
            root = node
        if isinstance(node, Collection):
            open_.append(node)
    return root
