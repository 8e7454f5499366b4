"""Lines for the node's journal: what a person should know although nothing failed.

The kubelet shows the plugin's stderr only when the plugin fails, so warnings and renewals go to the system log.
"""

from provider.places import PROGRAM

SOCKET = "/dev/log"
LEVELS = {"error": 3, "warning": 4, "info": 6, "debug": 7}
"""The severities of RFC 5424, by the names of `log-level`."""

DAEMON = 3 << 3
"""The facility of system daemons."""


class Journal:
    """Takes lines, without secrets; what is less important than `log_level` is left out. This one drops them all."""

    log_level = "info"

    def __call__(self, line: str, level: str = "warning") -> None:
        """Write a line, if it is important enough."""
        if LEVELS[level] <= LEVELS[self.log_level]:
            self._write(line, level)

    def _write(self, line: str, level: str) -> None:
        return


class SystemJournal(Journal):
    """Sends lines to the node's system log, and drops what it does not take at once.

    syslog(3) waits where nobody reads the log, for ever if need be; no pull may wait for a log.
    """

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path

    def _write(self, line: str, level: str) -> None:
        import os
        import socket
        import time

        stamp = time.strftime("%b %e %H:%M:%S")
        data = f"<{DAEMON | LEVELS[level]}>{stamp} {PROGRAM}[{os.getpid()}]: {line}".encode(errors="replace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.connect(self._path)
                out.send(data)
        except OSError:
            return
