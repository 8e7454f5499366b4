"""What a process did to the disk, step by step, read from strace's log; and which of its steps are worth a kill."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CHANGES = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat")
STARTS = ("vfork", "fork", "clone", "clone3")
WRITES = ("write", "pwrite64", "sendfile", "copy_file_range", "ftruncate", "truncate")
SYNCS = ("fsync", "fdatasync", "syncfs", "sync")
STEPS = (*CHANGES, *STARTS)
TRACED = (*STEPS, *WRITES, *SYNCS, "open", "openat", "creat", "execve")

LINE = re.compile(r"(\d+) +(\w+)\((.*)")
RESULT = re.compile(r"\) += (-?\d+)")
OPENED = re.compile(r"\) += \d+<(/[^>]*)>$")
DESCRIPTOR = re.compile(r"\d+<(/[^>]*)>")
OWN = re.compile(r".*/(?:\.new-|\.old-|generations/)[^/]*")
WANTED = re.compile(r"/[^/]*\.wants$")
QUOTED = re.compile(r'"(/[^"]*)"')


@dataclass(frozen=True)
class Step:
    """A system call of the process: the `number`th of its name, counted from 1."""

    call: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.call} {self.number}: {self.text[:160]}"

    @property
    def kind(self) -> str:
        """What makes steps alike: the call and the folder, where a unit's is that of those that want it too.

        In a folder that is still, or no longer, nobody's but the process's own, the call does not matter.
        """
        path = (QUOTED.findall(self.text) or DESCRIPTOR.findall(self.text) or [""])[-1]
        own = OWN.match(path)
        return own[0] if own else f"{self.call} {re.sub(WANTED, '', path.rpartition('/')[0])}"


def strace(log: str, command: str, kill_at: Step | None = None) -> str:
    """The command line that traces a command, and kills it at the entry of a step.

    (--seccomp-bpf would be quicker, but nothing is injected with it.)
    """
    words = ["strace", "-f", "-qq", "-y", "-e", "signal=none", "-e", f"trace={','.join(TRACED)}"]
    if kill_at:
        words += ["-e", f"inject={kill_at.call}:signal=KILL:when={kill_at.number}"]
    return " ".join([*words, "-o", log, command])


def steps(log: str) -> list[Step]:
    """The steps of the process that the log begins with; those of its children are not counted."""
    first = ""
    counts: Counter[str] = Counter()
    found = []
    for line in log.splitlines():
        parsed = LINE.match(line)
        if not parsed:
            continue
        pid, call, text = parsed.groups()
        first = first or pid
        if pid == first and call in STEPS:
            counts[call] += 1
            found.append(Step(call, counts[call], text))
    return found


def worth_a_kill(every: Iterable[Step]) -> list[Step]:
    """Those before which the disk, or what runs, is different than before the step before them.

    What did nothing is left out, and of many alike one after the other all but the first, the middle and the last.
    """
    kept: list[Step] = []
    alike: list[Step] = []

    def keep() -> None:
        kept.extend(alike if len(alike) < 4 else (alike[0], alike[len(alike) // 2], alike[-1]))
        alike.clear()

    for step in every:
        result = RESULT.search(step.text)
        if result and result[1] == "-1":
            continue
        if alike and step.kind != alike[0].kind:
            keep()
        alike.append(step)
    keep()
    return kept


def unsynced(log: str) -> list[str]:
    """The files that were written and not synced up to the log's end."""
    dirty: dict[str, None] = {}
    for call, text in _calls(log):
        quoted = QUOTED.findall(text)
        if call in ("open", "openat", "creat"):
            opened = OPENED.search(text)
            if opened and ("O_TRUNC" in text or "O_CREAT" in text or call == "creat"):
                dirty[opened[1]] = None
        elif call in ("sync", "syncfs"):
            dirty.clear()
        elif call in ("fsync", "fdatasync"):
            for path in DESCRIPTOR.findall(text):
                dirty.pop(path, None)
        elif call in WRITES:
            # sendfile names what it writes to first, copy_file_range last.
            named = quoted if call == "truncate" else DESCRIPTOR.findall(text)
            if named:
                dirty[named[-1 if call == "copy_file_range" else 0]] = None
        elif call.startswith("rename") and len(quoted) == 2:
            old, new = quoted
            for path in [path for path in dirty if path == old or path.startswith(f"{old}/")]:
                dirty.pop(path)
                dirty[new + path.removeprefix(old)] = None
        elif call in ("unlink", "unlinkat") and quoted:
            dirty.pop(quoted[-1], None)
    return [path for path in dirty if not path.startswith(("/dev/", "/proc/", "/run/", "/sys/", "/tmp/"))]


def _calls(log: str) -> Iterator[tuple[str, str]]:
    """The calls that succeeded, whole: those that were interrupted by others' are put together."""
    begun: dict[tuple[str, str], str] = {}
    for line in log.splitlines():
        resumed = re.match(r"(\d+) +<\.\.\. (\w+) resumed>(.*)", line)
        if resumed:
            pid, call, rest = resumed.groups()
            text = begun.pop((pid, call), "") + rest
        else:
            parsed = LINE.match(line)
            if not parsed:
                continue
            pid, call, text = parsed.groups()
            if text.endswith("<unfinished ...>"):
                begun[pid, call] = text.removesuffix("<unfinished ...>")
                continue
        result = RESULT.search(text)
        if result and result[1] != "-1":
            yield call, text
