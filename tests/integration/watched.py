"""The program with a witness: Python's own audit events tell which files it opens and what it starts."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.integration.node import GROUP, SOURCE_PROGRAM, Node

WITNESS = """
import os, sys
log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
STARTS = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system")
def note(event, arguments):
    if event in STARTS or event == "open":
        os.write(log, (event + " " + repr(arguments[0]) + chr(10)).encode())
sys.addaudithook(note)
"""


@dataclass(frozen=True)
class Seen:
    """What the witness saw."""

    opened: list[str]
    started: list[str]


def request(node: Node, image: str, log: Path) -> Seen:
    """Send the kubelet's request to the program from source, and return what it did; it must have answered."""
    asked = {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": image}
    done = subprocess.run(
        [sys.executable, "-I", "-c", WITNESS.format(log=str(log)) + SOURCE_PROGRAM, *node.options],
        input=json.dumps(asked),
        capture_output=True,
        env=node.environment,
        timeout=60,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["auth"]
    lines = [line.partition(" ") for line in log.read_text().splitlines()]
    opened = [what for event, _, what in lines if event == "open"]
    return Seen(opened, [f"{event} {what}" for event, _, what in lines if event != "open"])


def threads_and_children(pid: int) -> tuple[int, list[str]]:
    """Return how many threads a process has, and the ids of its children; (0, []) when it is gone."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        children = [Path(f"/proc/{pid}/task/{thread}/children").read_text().split() for thread in threads]
    except (FileNotFoundError, ProcessLookupError):
        return 0, []
    return len(threads), [child for some in children for child in some]
