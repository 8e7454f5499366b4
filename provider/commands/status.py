"""`status`: what is installed on this node, whether it is in effect, and what is kept ready."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from provider.answers import decode, directory_is_private, read_private
from provider.commands.assess import assess, is_well, restart_pending
from provider.commands.assess_credentials import next_renewal
from provider.commands.common import add_cluster_options, limit_time, parser, places_of
from provider.commands.get import moment
from provider.commands.status_lines import Kept, Line, as_text
from provider.errors import ProviderError
from provider.node.docker_config import CHOSEN, parse_chosen
from provider.node.domains import known_domains
from provider.node.files import Tree
from provider.node.looking import Means, look, this_node
from provider.node.seen import Seen
from provider.places import Places
from provider.settings import load_settings
from provider.store import Store

SECONDS = 60.0
RESTART_PENDING = "restart pending"
MOST_REFUSALS = 20
"""Shown at most, the newest."""


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Print what is there; 1 if something is missing, wrong, or still to take effect."""
    made = parser(
        "status",
        "Show what is installed on this node, whether the kubelet uses it, which answers are ready, and what is "
        "missing. Changes nothing and asks nobody but this node. Exit status 1 if something is missing or wrong, or "
        "waits for the kubelet's next start.",
    )
    made.add_argument("--json", action="store_true", help="as JSON")
    add_cluster_options(made, "show how all nodes of the cluster are, and what is known of the Secrets there")
    parsed = made.parse_args(list(arguments))
    if parsed.cluster:
        from provider.commands import status_cluster

        return status_cluster.run(parsed.kubeconfig, parsed.namespace, os.environ, stdout, as_json=parsed.json)
    limit_time(SECONDS, stderr, "looking at the node")
    return show(this_node(), places_of(parsed), time.time(), stdout, as_json=parsed.json)


def show(means: Means, places: Places, now: float, stdout: TextIO, *, as_json: bool) -> int:
    """Look, print, and return the exit status."""
    seen = look(means, now)
    kept = keep(places, means.tree, now)
    lines = assess(seen, kept)
    if as_json:
        stdout.write(json.dumps(fields_of(seen, kept, lines), indent=2) + "\n")
    else:
        stdout.write(as_text(lines, RESTART_PENDING))
    return 0 if is_well(lines) else 1


def keep(places: Places, tree: Tree, now: float) -> Kept:
    """Return what is kept of credentials; secrets are read and left behind."""
    store = Store(places.answers)
    problem, chosen = "", None
    domains: tuple[str, ...] = ()
    configuration = None
    try:
        configuration = load_settings(places, Store(""), now, lambda line: None).configuration
        domains = known_domains(configuration, store, now)
        path = f"{places.data}/{CHOSEN}"
        content = tree.text(path)
        chosen = parse_chosen(content.encode(), path) if content is not None else None
    except ProviderError as error:
        problem = str(error)
    if os.path.lexists(places.answers) and not directory_is_private(places.answers):
        problem = f"{places.answers} belongs to another user: run this as the user that the kubelet runs as, root"
    read = [(host, read_private(f"{places.answers}/{host}.json")) for host in store.hosts()]
    answers = [decode(data, host) for host, data in read if data is not None]
    refusals = [refusal for host in store.named(".refused") if (refusal := store.read_refusal(host)) is not None]
    refusals.sort(key=lambda refusal: refusal.written, reverse=True)
    return Kept(
        answers=[answer for answer in answers if answer is not None],
        refusals=refusals[:MOST_REFUSALS],
        problem=problem,
        fingerprint=places.fingerprint(),
        domains=domains,
        configuration=configuration,
        chosen=chosen,
    )


def fields_of(seen: Seen, kept: Kept, lines: Sequence[Line]) -> dict[str, Any]:
    """Return the JSON form, as docs/node.md describes it."""
    record, found = seen.record, seen.found
    process = found.process if found is not None else None
    coming = next_renewal(seen, kept)
    return {
        "ok": is_well(lines),
        "restartPending": bool(restart_pending(seen)),
        "change": seen.pending,
        "installed": {
            "version": record.program,
            "prefix": record.prefix,
            "versions": list(seen.versions),
            "delivery": record.delivery,
            "mode": record.mode,
            "providerFile": record.provider_file,
            "binDir": record.bin_dir,
            "placed": moment(record.placed),
        }
        if record is not None
        else None,
        "kubelet": {
            "version": str(found.version or ""),
            "system": found.system,
            "unit": found.unit,
            "pid": process.pid if process is not None else None,
            "started": moment(process.started) if process is not None else None,
            "healthy": seen.healthy,
        }
        if found is not None
        else None,
        "answers": [
            {
                "host": answer.host,
                "renew": moment(answer.renew),
                "end": moment(answer.end),
                "valid": answer.is_valid(seen.now) and answer.fingerprint == kept.fingerprint,
                "source": answer.source,
            }
            for answer in kept.answers
        ],
        "refusals": [
            {
                "host": refusal.host,
                "time": moment(refusal.written),
                "cause": refusal.cause,
                "message": refusal.message,
                "code": refusal.code,
                "requestId": refusal.request_id,
            }
            for refusal in kept.refusals
        ],
        "nextRenewal": moment(coming) if coming is not None else None,
        "lines": [asdict(line) for line in lines],
    }
