"""Something that looks like a kubelet: bash under its name, which tells a version and stays when it is asked to."""

import shutil
from pathlib import Path

PROGRAM = "usr/bin/kubelet"
UNIT = "etc/systemd/system/kubelet.service"
TEXT = """\
[Service]
EnvironmentFile=-/etc/default/kubelet
ExecStart=/usr/bin/kubelet -c "sleep infinity; :" kubelet $KUBELET_EXTRA_ARGS
[Install]
WantedBy=multi-user.target
"""


def put_into(root: Path) -> None:
    """Put it into a tree, with its unit."""
    for path in (PROGRAM, UNIT):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / UNIT).write_text(TEXT)
    # A script would not be taken for a kubelet.
    shutil.copyfile("/bin/bash", root / PROGRAM)
    (root / PROGRAM).chmod(0o755)
