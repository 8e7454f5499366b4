"""Control groups of the tests' own, one in each hierarchy of the machine (version 1, version 2, or both)."""

import errno
from pathlib import Path

TREE = Path("/sys/fs/cgroup")
NAMED = "name="


def groups(name: str) -> list[Path]:
    """The groups of that name, there or not.

    Limits of the group that this process is in go on to count; but version 2 (and systemd's own hierarchy, which limits
    nothing) lets nobody hand anything on from a group with processes in it, so there it is one at the top.
    """
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        if not controllers:
            found.append((TREE / "unified" if (TREE / "unified").is_dir() else TREE) / name)
        elif controllers.startswith(NAMED):
            found.append(TREE / controllers.removeprefix(NAMED) / name)
        else:
            found.append(TREE / controllers / own.strip("/") / name)
    return [group for group in found if (group.parent / "cgroup.procs").exists()]


def removed(name: str) -> bool:
    """Remove the groups of that name, and of names that go on with a dot; False while somebody is still in one."""
    for place in groups(name):
        for top in (place, *place.parent.glob(f"{name}.*")):
            # Their files cannot be removed, and go with them.
            for group in sorted((path for path in (top, *top.rglob("*")) if path.is_dir()), reverse=True):
                try:
                    group.rmdir()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    return False
    return True
