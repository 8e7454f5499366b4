"""A tree as it would be after some changes, so that their effect is seen before any of them is made."""

from collections.abc import Iterable

from provider.node.files import Change, NodeError, State, Tree


class Overlay(Tree):
    """A tree in which the given paths are what the changes make of them. Nothing can be written to it."""

    def __init__(self, tree: Tree, changes: Iterable[Change]) -> None:
        super().__init__(tree.root)
        self._under = tree
        self._states = {self.at(change.path): change.after for change in changes}

    def state(self, path: str) -> State:
        """Return what would be at a path."""
        place = self.at(path)
        return self._states[place] if place in self._states else self._under.state(path)

    def names(self, folder: str) -> list[str]:
        """Return what would be in a folder, sorted."""
        names = set(self._under.names(folder))
        start = self.root + self.resolve(folder).rstrip("/") + "/"
        for place, state in self._states.items():
            name = place.removeprefix(start)
            if place.startswith(start) and "/" not in name:
                names = names - {name} if state is None else names | {name}
        return sorted(names)

    def put(self, path: str, state: State) -> None:
        """Refuse: the tree under it must stay as it is."""
        raise NodeError(f"{path}: is looked at, not written")
