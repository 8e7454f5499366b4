"""The direction of imports, and what the warm path loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "provider"

# What each part may import of `provider`, its own package aside. What is not named here may be imported by nobody but
# the parts that name it: node, agent and secrets by no part of the plugin.
ALLOWED = {
    "errors": set[str](),
    "version": set(),
    "deadline": set(),
    "environment": set(),
    "lifetime": set(),
    "registries": {"answers"},
    "refusals": {"answers", "errors", "kubelet"},
    "kubelet": {"errors"},
    "answers": {"kubelet"},
    "places": {"answers"},
    "journal": {"places"},
    "cluster": {"errors"},
    "locks": set(),
    "store": {"answers", "kubelet", "locks", "refusals"},
    "sweep": {"answers", "hand_over", "locks", "store"},
    "config": {"errors", "registries"},
    "cloud": {"config.values", "deadline", "environment", "errors", "identity.session", "registries"},
    "service_account": {"errors", "kubelet"},
    "hand_over": {"kubelet", "service_account"},
    "identity": {"cloud", "cluster", "config.values", "errors", "service_account"},
    "pods": {"answers", "config.values", "errors", "identity", "kubelet", "service_account"},
    "settings": {"config", "places", "store", "version"},
    "discovery": {"cloud", "config.values", "errors", "identity.session", "registries", "store"},
    "tokens": {"answers", "cloud", "cluster", "config.values", "deadline", "discovery", "environment", "errors",
               "identity", "kubelet", "lifetime", "places", "pods", "registries", "settings", "store"},
    "lookup": {"answers", "config.values", "deadline", "discovery", "environment", "errors", "hand_over",
               "identity.pod_role", "journal", "kubelet", "locks", "places", "pods", "refusals", "registries",
               "service_account", "settings", "store", "sweep", "tokens"},
    "key_pair": set(),
    "node": {"answers", "config", "deadline", "discovery", "environment", "errors", "journal", "key_pair", "kubelet",
             "locks", "lookup", "places", "pods", "service_account", "settings", "store", "tokens", "version"},
    "own_program": set(),
    "kubernetes": {"errors", "places"},
    "agent": {"cluster", "errors", "kubernetes", "node", "own_program", "places", "version"},
    "secrets": {"agent", "answers", "cluster", "config.values", "deadline", "discovery", "environment", "errors",
                "journal", "key_pair", "kubernetes", "node", "own_program", "places", "registries", "settings", "store",
                "tokens"},
    "plugin": {"answers", "errors", "kubelet", "miss", "places"},
    "miss": {"answers", "errors", "journal", "kubelet", "lookup", "places", "plugin"},
}  # fmt: skip
LAST = {"__main__", "commands", "docker"}
"""The entry points import what they need, and nothing imports them."""

WARM = {"provider", "provider.answers", "provider.errors", "provider.kubelet", "provider.places", "provider.plugin"}


def imports_of(path: Path) -> Iterator[str]:
    """Yield the modules of `provider` that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.removeprefix("provider.") for name in node.names if name.name.startswith("provider."))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "provider":
                yield from (name.name for name in node.names)
            elif node.module is not None and node.module.startswith("provider."):
                yield node.module.removeprefix("provider.")


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.stat().st_size)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    imported = set(imports_of(path))
    first = {name.partition(".")[0] for name in imported}
    if part in LAST:
        assert first <= ALLOWED.keys() | {"commands", "docker"}
        return
    foreign = {name for name in imported if name.partition(".")[0] != part}
    forbidden = {name for name in foreign if name not in ALLOWED[part] and name.partition(".")[0] not in ALLOWED[part]}
    assert not forbidden, f"{part} imports {sorted(forbidden)}"


def test_every_part_has_a_rule() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert parts <= ALLOWED.keys() | LAST


def loaded_by(module: str) -> set[str]:
    """Return what a bare interpreter has loaded of a module and behind it."""
    program = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        f"before = set(sys.modules)\nimport {module}\nloaded = sorted(set(sys.modules) - before)\n"
        "print(loaded, flush=True); import posix; posix._exit(0)"
    )
    arguments = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(arguments, capture_output=True, check=True, timeout=60, text=True)
    return set(ast.literal_eval(done.stdout))


def test_the_warm_path_loads_next_to_nothing() -> None:
    assert loaded_by("provider.plugin") - WARM <= {"_json", "_signal", "posix", "time"}


def test_who_waits_for_the_lock_has_loaded_little_more() -> None:
    own = {f"provider.{name}" for name in ("hand_over", "journal", "locks", "lookup", "miss", "refusals", "store")}
    of_os = {"os", "os.path", "stat", "_stat", "posixpath", "genericpath", "_collections_abc"}
    assert loaded_by("provider.miss") - WARM - own - of_os <= {"_json", "_signal", "fcntl", "gc", "posix", "time"}
