"""`doctor --cluster`: what there is in a cluster before a migration, and the steps to take. Changes nothing."""

import json
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import asdict
from typing import TextIO

from provider.commands.cluster_looking import look
from provider.commands.cluster_migration import findings
from provider.commands.cluster_reading import opened
from provider.commands.cluster_steps import Step, steps
from provider.commands.steps import Finding


def run(
    kubeconfig: str,
    namespace: str,
    environ: MutableMapping[str, str],
    stdout: TextIO,
    as_line: Callable[[Finding], str] | None,
) -> int:
    """Print what was found, and what to do; the exit status is that of the first failure.

    `as_line`: how a finding is shown to people; None: as JSON. Raises ProviderError where nothing can be read.
    """
    with opened(kubeconfig, environ) as cluster:
        looked = look(cluster, namespace)
    found, to_do = list(findings(looked)), list(steps(looked))
    failures = [finding for finding in found if finding.state == "failed"]
    if as_line is None:
        told = [{name: value for name, value in asdict(each).items() if name != "exit_status"} for each in found]
        content = {"ok": not failures, "steps": told, "next": [asdict(step) for step in to_do]}
        stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        stdout.write("".join(map(as_line, found)) + as_list(to_do))
    return failures[0].exit_status if failures else 0


def as_list(to_do: Sequence[Step]) -> str:
    """Return the steps with their numbers, each with what undoes it."""
    lines = ["", "The steps, in order:"]
    for number, step in enumerate(to_do, 1):
        lines.append(f"{number:>2}. {step.do}")
        lines += [f"    back: {step.back}"] if step.back else []
    return "\n".join([*lines, ""])
