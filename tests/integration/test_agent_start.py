"""The agent as the first process of a container, before its duty has been loaded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.node import ROOT
from tests.systems.system import end_by_signal

pytestmark = pytest.mark.source

FIRST_PROCESS = ("unshare", "--pid", "--fork", "--kill-child", *(("--user", "--map-root-user") if os.geteuid() else ()))
DUTY = "import sys; print('loading', flush=True); sys.stdin.read()\n"
CODE = f"""\
import sys; sys.path[:0] = [{str(ROOT)!r}, sys.argv[1]]
from provider.commands import agent
agent.DUTIES["node"] = ("slow_duty", "take long to load")
agent.run(["node"], sys.stdin, sys.stdout, sys.stderr)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_it_is_being_loaded(number: int, tmp_path: Path) -> None:
    if subprocess.run([*FIRST_PROCESS, "true"], check=False).returncode:
        pytest.skip("nobody may have a process namespace of his own here")
    (tmp_path / "slow_duty.py").write_text(DUTY)
    command = [*FIRST_PROCESS, sys.executable, "-I", "-c", CODE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as container:
        assert container.stdout is not None
        assert container.stdout.readline() == b"loading\n"
        first = int(Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text())
        try:
            assert end_by_signal(container, number, 20, child=first) == 1
        finally:
            container.kill()
