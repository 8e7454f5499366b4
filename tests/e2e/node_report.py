"""What a node says of itself when a test has waited in vain."""

from provider.places import PROGRAM

LAST_LINES = 40
EVERYDAY = (
    " [IW][0-9]* ",
    "[0-9]\\]:  ",
    "remote_runtime",
    "oomparser",
    "rlimit",
    "cri_stats_provider",
    "eviction_manager",
    "oom score",
    "checkpoint is not found",
    "node is not registered yet",
)
"""What a kubelet says here all the time."""
_EVERYDAY = " ".join(f"-e '{text}'" for text in EVERYDAY)
_JOURNAL = "journalctl --no-pager --output=short-precise"
REPORT = f"""
set +e +o pipefail
{_JOURNAL} --unit=kubelet.service | grep -v {_EVERYDAY} | tail -n {LAST_LINES}
echo; {_JOURNAL} --identifier={PROGRAM} | tail -n {LAST_LINES}
echo; systemctl --no-pager --plain --no-legend list-units --all kubelet.service containerd.service '{PROGRAM}*'
busybox wget -qO- http://127.0.0.1:10255/pods | grep -o '"state":{{[^}}]*}}'
"""
"""A script: the last that the kubelet and the program said, and how things stand."""
