"""What the node commands ask of systemd, by systemctl alone: 219 and newer."""

import os
from collections.abc import Callable, Mapping, Sequence

from provider.node.child_processes import Completed
from provider.node.files import NodeError
from provider.node.undo import TIMER

SERVICE = TIMER.replace(".timer", ".service")

RELOAD_SECONDS = 30
ASK_SECONDS = 10
BOOTED = "/run/systemd/system"
"""There where systemd is the system's first process (sd_booted(3))."""

Run = Callable[[Sequence[str], float], Completed]
"""Runs a command line for some seconds at most."""


class Systemd:
    """The running system's systemd."""

    def __init__(self, run: Run, booted: str = BOOTED) -> None:
        self._run = run
        self._booted = booted

    def is_running(self) -> bool:
        """Tell whether there is one."""
        return os.path.isdir(self._booted)

    def reload(self) -> None:
        """Let it read the units anew. Raises NodeError."""
        self._do("daemon-reload")

    def arm(self) -> None:
        """Start the timer that puts everything back. Raises NodeError, and then nothing may be changed."""
        state = self.show(SERVICE, "LoadState").get("LoadState", "")
        if state != "loaded":
            raise NodeError(
                f"{SERVICE} is {state or 'unknown'}, and nothing is changed without it: systemctl unmask it"
            )
        # One that has elapsed would not start again.
        self._do("stop", TIMER)
        self._do("start", TIMER)

    def disarm(self) -> None:
        """Stop that timer. Raises NodeError."""
        self._do("stop", TIMER)

    def start(self, unit: str) -> None:
        """Start a unit, and do not wait for it. Raises NodeError."""
        self._do("--no-block", "start", unit)

    def stop(self, units: Sequence[str]) -> None:
        """Stop units of ours; those that are not there are stopped."""
        self._run(["systemctl", "stop", *units], RELOAD_SECONDS)

    def restart(self, unit: str) -> None:
        """Restart the kubelet's unit, and do not wait for it. Raises NodeError."""
        self._run(["systemctl", "reset-failed", unit], ASK_SECONDS)
        self._do("--no-block", "restart", unit)

    def show(self, unit: str, *properties: str) -> Mapping[str, str]:
        """Return properties of a unit; a missing unit has them too."""
        shown = self._run(["systemctl", "show", f"--property={','.join(properties)}", unit], ASK_SECONDS)
        return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)

    def journal(self, unit: str, since: float, lines: int = 200) -> Sequence[str]:
        """Return the last lines of a unit's journal since a moment (seconds since the epoch), without their heads."""
        command = ["journalctl", f"--unit={unit}", f"--since=@{int(since)}", f"--lines={lines}"]
        return self._run([*command, "--no-pager", "--quiet", "--output=cat"], ASK_SECONDS).stdout.splitlines()

    def _do(self, *arguments: str) -> None:
        done = self._run(["systemctl", *arguments], RELOAD_SECONDS)
        if done.status:
            words = " ".join(done.stderr.split()) or f"exit status {done.status}"
            raise NodeError(f"systemctl {' '.join(arguments)}: {words}")
