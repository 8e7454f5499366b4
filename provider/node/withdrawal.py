"""The end of delivery by the kubelet's `config.json`: our entries go, everybody else's stay."""

from collections.abc import Callable

from provider.node.docker_config import BEFORE, CHOSEN, NotADockerConfig, parse_chosen, without_entries
from provider.node.files import File, Tree
from provider.node.record import DATA

PATH = f"{DATA}/{CHOSEN}"


def withdraw(tree: Tree, say: Callable[[str], None]) -> None:
    """Take our entries out, and forget that there were any; do nothing where there are none.

    `say` gets a line where the file is none of Docker's, and so is left alone. Raises NodeError.
    """
    text = tree.text(PATH)
    if text is None:
        return
    chosen = parse_chosen(text.encode(), PATH)
    path = tree.resolve(chosen.path)
    state = tree.state(path)
    found = tree.state(f"{DATA}/{BEFORE}")
    if isinstance(state, File):
        try:
            content = without_entries(state.content, chosen.hosts, found.content if isinstance(found, File) else None)
        except NotADockerConfig as error:
            say(f"{path} is left as it is: {error.message}")
            content = state.content
        if content is None and chosen.mode is not None:
            # It was there before us, without an entry.
            content = b"{}\n"
        mode = state.mode if chosen.mode is None else chosen.mode
        after = None if content is None else File(content, mode, state.uid, state.gid)
        if after != state:
            tree.put(path, after)
    tree.put(PATH, None)
    tree.put(f"{DATA}/{BEFORE}", None)
