"""Kills a process at each step that it takes on the disk: `python -m tests.unit.cut_short SCENARIO FOLDER`.

Prints a line of JSON for each: what was there after the kill, and after a whole run that followed.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from provider.node.bundle.contents import HOME, LIBRARIES, checksums, differences
from provider.node.bundle.place import place
from provider.node.bundle.removal import removal
from provider.node.bundle.source import Source
from provider.node.files import Link, Tree
from tests.unit import fake_bundle

STEPS = {"open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}
OTHER = f"{LIBRARIES}/provider/version.pyc"


def bundle(folder: Path, version: str) -> Source:
    place = folder / "sources" / version
    return Source(str(place), version) if place.exists() else fake_bundle.make(place, version)


def fresh(tree: Tree, folder: Path) -> None:
    bundle(folder, "1.0")


def damaged(tree: Tree, folder: Path) -> None:
    place(tree, bundle(folder, "1.0"), HOME)
    tree.put(f"{HOME}/current", Link("1.0"))
    Path(tree.root + HOME, "1.0", OTHER).write_text("half")


def upgrade(tree: Tree, folder: Path) -> None:
    for version in ("0.8", "0.9"):
        place(tree, bundle(folder, version), HOME)
        tree.put(f"{HOME}/current", Link(version))
    bundle(folder, "1.0")


def installed(tree: Tree, folder: Path) -> None:
    upgrade(tree, folder)
    place(tree, bundle(folder, "1.0"), HOME)


def put(tree: Tree, folder: Path) -> None:
    place(tree, bundle(folder, "1.0"), HOME)


def take_away(tree: Tree, folder: Path) -> None:
    removal(tree, HOME, seconds=0)


SCENARIOS: dict[str, tuple[Callable[[Tree, Path], None], Callable[[Tree, Path], None]]] = {
    "fresh": (fresh, put),
    "damaged": (damaged, put),
    "upgrade": (upgrade, put),
    "removal": (installed, take_away),
}


def state(tree: Tree, folder: Path) -> dict[str, str]:
    """What is in the prefix, and of versions whether they are whole; programs differ by nothing in HOME."""
    found = {}
    for name in tree.names(HOME):
        source = folder / "sources" / name
        wrong = differences(f"{tree.root}{HOME}/{name}", checksums(str(source))) if source.exists() else []
        found[name] = f"{len(wrong)} wrong" if wrong else "whole" if source.exists() else ""
    return found


def killed_at(step: int, action: Callable[[], None]) -> bool:
    """Run the action in a process that is killed before its `step`-th step; tells whether it came to that."""
    child = os.fork()
    if not child:
        count = 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal count
            if event in STEPS and not (event == "open" and str(arguments[1]).startswith("r")):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        action()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def main(name: str, folder: Path) -> None:
    prepare, action = SCENARIOS[name]
    tree = Tree(str(folder / "root"))
    step, killed = 0, True
    while killed:
        step += 1
        shutil.rmtree(tree.root, ignore_errors=True)
        os.makedirs(f"{tree.root}/opt")
        prepare(tree, folder)
        killed = killed_at(step, lambda: action(tree, folder))
        after = state(tree, folder)
        action(tree, folder)
        print(json.dumps({"step": step, "killed": killed, "after": after, "end": state(tree, folder)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
