"""Lines for the node's journal: what a person should know although nothing failed.

The kubelet shows the plugin's stderr only when the plugin fails, so warnings and renewals go to the system log.
What takes such lines is a `Callable[[str], None]` everywhere; no line holds a secret.
"""

import syslog

from provider.places import PROGRAM


def system_journal(line: str, priority: int = syslog.LOG_WARNING) -> None:
    """Write one line to the system log; where there is none, to nowhere."""
    syslog.openlog(PROGRAM, syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(priority, line)


def limit(log_level: str) -> None:
    """Leave out of the system log what is less important than `log-level` says."""
    levels = {
        "debug": syslog.LOG_DEBUG,
        "info": syslog.LOG_INFO,
        "warning": syslog.LOG_WARNING,
        "error": syslog.LOG_ERR,
    }
    syslog.setlogmask(syslog.LOG_UPTO(levels[log_level]))
