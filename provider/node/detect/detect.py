"""Finds the node's kubelet: its unit, what that starts next, and what runs now. Nothing is changed.

Only files and /proc are read, and `--version` of the kubelet is run; systemd is not asked.
"""

import subprocess
import time
from collections.abc import Callable, Sequence

from provider.errors import ProviderError
from provider.node.detect import k3s
from provider.node.detect.environment import environment_files
from provider.node.detect.found import Flags, Found, NoKubelet, NotUnderstood, Process, System
from provider.node.detect.kubelet_flags import ROOT_DIR, flags_of, health_of, value_of
from provider.node.detect.processes import Running, running
from provider.node.detect.starts import PROGRAMS, Start, start_of
from provider.node.detect.systemd_units import Unit, is_enabled, load, service_names
from provider.node.files import Tree
from provider.node.kubelet_version import Version, parse

UNITS = ("kubelet.service", "k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service")
"""What a kubelet's unit is called; others are looked for where there is none of these."""

ACK_VARIABLE = "KUBELET_CUSTOMIZED_ARGS"
ACK_FILE = "kubelet-customized-args.conf"
KUBEADM_VARIABLES = ("KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS")

PROC = "/proc"

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns its stdout; the limit of its time is its own matter."""


def detect(tree: Tree, *, proc: str = PROC, run: Run, clock: Callable[[], float] = time.time) -> Found:
    """Return what is known of the node's kubelet; of an image's tree without what runs: /proc is this machine's.

    Raises NoKubelet or NotUnderstood, which say the way out, and NodeError for what cannot be read.
    """
    alive = [] if tree.root and proc == PROC else running(proc, PROGRAMS, clock)
    unit = _choose(tree, alive)
    start = start_of(tree, unit)
    wanted = "k3s" if start.program == "k3s" else "kubelet"
    process = _process([one for one in alive if one.program == wanted], unit.name)
    live = flags_of(process.command_line) if process and start.program != "k3s" else None
    command_line = start.command_line if start.program else process.command_line if process else ()
    arguments = start.kubelet_arguments if start.program else command_line
    teller = start.executable if start.program else process.executable if process else ""
    return Found(
        system=_system(unit, start),
        unit=unit.name,
        executable=start.executable,
        version=_version(tree, teller, run),
        process=process,
        flags=start.flags if start.program else live or Flags(),
        live=live,
        health_url=health_of(tree, arguments).url,
        root_dir=value_of(arguments, "root-dir") or ROOT_DIR,
        kubeconfig=value_of(arguments, "kubeconfig") or _kubeconfig(start),
        command_line=command_line,
        teller=teller,
    )


def _process(alive: Sequence[Running], unit: str) -> Process | None:
    """Return the unit's process; a kubelet may have moved itself to a control group of no service."""
    for group in (unit, ""):
        for one in alive:
            if one.unit == group:
                return one.process
    return None


def _choose(tree: Tree, alive: Sequence[Running]) -> Unit:
    """Return the unit that a kubelet runs in; without one that runs, the only one, or the only one that is enabled."""
    loaded = {name: unit for name in UNITS if (unit := load(tree, name))}
    known = {unit.name: unit for unit in loaded.values() if not unit.masked}
    names = dict.fromkeys(one.unit for one in alive)
    running_units = {name: unit for name in names if (unit := known.get(name) or _starting_one(tree, name))}
    units = running_units or known or _others(tree)
    if len(units) > 1:
        units = {name: unit for name, unit in units.items() if is_enabled(tree, name)} or units
    if len(units) == 1:
        return next(iter(units.values()))
    if units:
        raise NotUnderstood(
            f"{' and '.join(sorted(units))} each start a kubelet, and none of them alone runs or is enabled: "
            "disable all but one (`systemctl disable`)"
        )
    if alive:
        raise NotUnderstood(
            f"{alive[0].program} runs as process {alive[0].process.pid}, but there is no unit that is known to start "
            f"it: start it by {UNITS[0]}"
        )
    masked = sorted(name for name, unit in loaded.items() if unit.masked)
    said = f"{', '.join(masked)} is masked" if masked else f"there is no {UNITS[0]}, nor k3s or RKE2"
    raise NoKubelet(f"no kubelet on this node: {said}. Install it first")


def _others(tree: Tree) -> dict[str, Unit]:
    """Return the units of other names that start a program called kubelet, k3s or rke2."""
    found = (_starting_one(tree, name) for name in service_names(tree))
    return {unit.name: unit for unit in found if unit}


def _starting_one(tree: Tree, name: str) -> Unit | None:
    """Return the unit of a name if it starts such a program."""
    unit = load(tree, name) if name else None
    if unit is None or not any(_may_start_one(setting.value) for setting in unit.effective("ExecStart")):
        return None
    try:
        return unit if start_of(tree, unit).program else None
    except ProviderError:
        return None


def _may_start_one(value: str) -> bool:
    return any(program in value for program in PROGRAMS)


def _system(unit: Unit, start: Start) -> System:
    if start.program == "k3s" or start.program == "rke2":
        return start.program
    mentioned = set(start.command.variables()) | set(start.variables)
    if ACK_VARIABLE in mentioned or any(named.path.endswith(f"/{ACK_FILE}") for named in environment_files(unit)):
        return "ack"
    return "custom" if mentioned.isdisjoint(KUBEADM_VARIABLES) else "kubeadm"


def _version(tree: Tree, executable: str, run: Run) -> Version | None:
    # A script is not asked: it may start a kubelet, whatever its arguments are.
    if executable.rpartition("/")[2] not in PROGRAMS:
        return None
    try:
        return parse(run([tree.root + tree.resolve(executable), "--version"]))
    except (OSError, ValueError, ProviderError, subprocess.SubprocessError):
        return None


def _kubeconfig(start: Start) -> str:
    return k3s.kubeconfig(start.program, start.command_line) if start.program in k3s.PROGRAMS else ""
