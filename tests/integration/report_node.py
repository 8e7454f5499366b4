"""A node with a kubelet that runs, where the report is left that `install` and `repair` leave when they end.

`python -m tests.integration.report_node leave` leaves it on the machine that it runs on; inside of a node's namespaces.
"""

import sys
from pathlib import Path

from provider.commands.reporting import leave_report
from tests.integration.kubelet_node import KubeletNode, main

LEAVE = "leave"


class ReportNode(KubeletNode):
    inside = "tests.integration.report_node"


if __name__ == "__main__":
    if sys.argv[1] == LEAVE:
        leave_report("", print)
    else:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2:], ReportNode.inside))
