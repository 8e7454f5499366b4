"""`doctor [IMAGE] [--service-account NAMESPACE/NAME]`: every step to a login at the registry, checked in order.

From the kubelet and the configuration on; with a ServiceAccount, as its pods would pull.
"""

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import TextIO

from provider import environment
from provider.commands import node_checks
from provider.commands.checkup import Checkup, Image
from provider.commands.common import StreamJournal, add_cluster_options, limit_time, parser, places_of
from provider.commands.service_account_checks import ServiceAccountCheckup
from provider.commands.service_account_cluster import AsNode
from provider.commands.steps import Finding
from provider.deadline import Deadline
from provider.environment import Environment
from provider.errors import ConfigurationError
from provider.identity.pod_role import PodRole
from provider.kubelet import split_image
from provider.miss import DEADLINE_SECONDS
from provider.node.looking import Means, look, this_node
from provider.places import Places
from provider.settings import Settings, load_settings
from provider.store import Store
from provider.tokens import Fetch

COLOURS = {"ok": "\x1b[32m", "failed": "\x1b[31m", "skipped": "\x1b[33m"}
RESET = "\x1b[0m"
SERVICE_ACCOUNT = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9.-]{0,252})")
SECONDS = DEADLINE_SECONDS + 30
"""For everything: that of a pull, and what the node itself is asked."""


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Check the steps and print what became of each; the exit status is that of the first failure."""
    made = parser(
        "doctor",
        "Check every step from the kubelet and the configuration to a login at the registry, and explain the first "
        "failure. "
        "Nothing that was remembered is used, and nothing is remembered.",
    )
    made.add_argument("image", metavar="IMAGE", nargs="?", default="", help="an image of the registry to check")
    made.add_argument(
        "--service-account",
        metavar="NAMESPACE/NAME",
        type=service_account,
        help="explain each link to this ServiceAccount's own RAM role, and try them as its pods would",
    )
    made.add_argument("--json", action="store_true", help="as JSON")
    add_cluster_options(made, "check a cluster before a migration, and tell the steps to take")
    parsed = made.parse_args(list(arguments))
    image = Image(*split_image(parsed.image)) if parsed.image else None
    coloured = not parsed.json and stdout.isatty() and "NO_COLOR" not in os.environ
    if parsed.cluster:
        from provider.commands import doctor_cluster

        show = None if parsed.json else partial(as_line, coloured=coloured)
        return doctor_cluster.run(parsed.kubeconfig, parsed.namespace, os.environ, stdout, show)
    surroundings = environment.take(os.environ)
    limit_time(SECONDS, stderr, "checking")
    places = places_of(parsed)
    found = []
    account = parsed.service_account
    for finding in check(this_node(), places, surroundings, image, StreamJournal(stderr), account):
        found.append(finding)
        if not parsed.json:
            stdout.write(as_line(finding, coloured=coloured))
            stdout.flush()
    failures = [finding for finding in found if finding.state == "failed"]
    if parsed.json:
        steps = [{name: value for name, value in asdict(each).items() if name != "exit_status"} for each in found]
        stdout.write(json.dumps({"ok": not failures, "steps": steps}, indent=2) + "\n")
    else:
        stdout.write(summary(found))
    return failures[0].exit_status if failures else 0


def service_account(text: str) -> tuple[str, str]:
    """Return namespace and name. Raises ArgumentTypeError for what is no NAMESPACE/NAME that Kubernetes takes."""
    found = SERVICE_ACCOUNT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAMESPACE/NAME of a ServiceAccount")
    return found[1], found[2]


def check(
    means: Means,
    places: Places,
    surroundings: Environment,
    image: Image | None,
    journal: Callable[[str], None],
    account: tuple[str, str] | None,
) -> Iterable[Finding]:
    """Yield the findings of all steps. `account`: namespace and name of the ServiceAccount that is asked about."""
    try:
        settings = load_settings(places, Store(""), time.time(), lambda line: None)
        deadline = Deadline(SECONDS - 1)

        def fetch_for(pod: PodRole | None) -> Fetch:
            return Fetch(settings, places, Store(""), surroundings, deadline, journal, pod=pod)

        fetch: Fetch | None = fetch_for(None)
    except ConfigurationError as error:
        yield Finding("configuration", "failed", str(error), error.exit_status)
        yield from node_checks.findings(means, places, image, look(means, time.time()))
        return
    yield Finding("configuration", "ok", describe(settings, places))
    yield kept(places)
    seen = look(means, time.time())
    yield from node_checks.findings(means, places, image, seen)
    if account is not None:
        host = image.name if image is not None else ""
        checkup = ServiceAccountCheckup(fetch_for, places, seen, AsNode(means.tree, *account), host, time.time)
        yield from checkup.findings()
        if image is None:
            return
        fetch = checkup.fetch if checkup.served else None
    if fetch is None:
        yield Finding("registry", "skipped", "which identity its pods would pull with is not known: see above")
        return
    yield from Checkup(fetch, image).findings()


def describe(settings: Settings, places: Places) -> str:
    """Return what the configuration amounts to."""
    configuration = settings.configuration
    count = len(configuration.instances)
    there = places.config if os.path.exists(places.config) else f"no {places.config}, so defaults"
    line = f"{there}: {count} instance{'' if count == 1 else 's'}, token-mode {configuration.token_mode}"
    if configuration.service_account_roles == "required":
        line += "; service-account-roles required: --service-account NAMESPACE/NAME tries a pod's own role"
    return "; ".join([line, *(f"ignored: {unknown}" for unknown in settings.unknown)])


def kept(places: Places) -> Finding:
    """Return whether answers can be kept, without making anything."""
    if not os.path.lexists(places.answers):
        return Finding("ready answers", "ok", f"{places.answers} is made at the first pull")
    if Store(places.answers).prepare():
        return Finding("ready answers", "ok", f"{places.answers} is this user's alone")
    detail = (
        f"{places.answers} is not this user's alone, so every pull asks the cloud anew: give it and {places.state} to "
        "the user that the kubelet runs as, mode 0700"
    )
    return Finding("ready answers", "failed", detail, 1)


def as_line(finding: Finding, *, coloured: bool) -> str:
    """Return a finding as lines: further ones of its detail are indented."""
    word = f"{finding.state:<8}"
    if coloured:
        word = f"{COLOURS[finding.state]}{word}{RESET}"
    first, *rest = finding.detail.split("\n")
    return "".join([f"{word} {finding.step:<17} {first}\n", *(f"{'':<27}{line}\n" for line in rest)])


def summary(found: Sequence[Finding]) -> str:
    """Return the last line."""
    failure = next((finding for finding in found if finding.state == "failed"), None)
    if failure is not None:
        return f"\nThe first failure: {failure.step}. What it says is what to mend first.\n"
    if any(finding.step == "login" and finding.state == "ok" for finding in found):
        return "\nAll well: the registry can be pulled from.\n"
    return "\nAll well as far as it was checked; name an image to have its registry checked.\n"
