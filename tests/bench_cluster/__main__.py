"""`python -m tests.bench_cluster`, in what `python -m tests.cluster.enter` prepares: see --help."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from lightkube import AsyncClient

from provider.kubernetes.client import open_async_client
from provider.kubernetes.names import SECRET
from tests.bench_cluster.newcomers import Arrivals, new_accounts, new_namespaces
from tests.bench_cluster.plain_loop import Loop, measured
from tests.bench_cluster.population import FIRST, fill, namespaces
from tests.bench_cluster.process import Figures, Subject
from tests.cluster.api import Api
from tests.cluster.enter import FOLDER, programs

FIRST_PASS_SECONDS = 600
RENEWAL_SECONDS = 300
NEWCOMERS = 200
"""A new namespace and a new ServiceAccount are made so many times."""
LOOPED = 50
"""Namespaces that the plain loop goes through, from which the time for all follows."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_cluster", description=__doc__)
    parser.add_argument("--namespaces", type=int, default=1000, metavar="N")
    parser.add_argument("--accounts", type=int, default=10, metavar="N", help="in each namespace")
    parser.add_argument("--idle", type=int, default=60, metavar="SECONDS", help="how long nothing is to be done")
    options = parser.parse_args(arguments)
    folder = os.environ.get(FOLDER)
    if folder is None:
        parser.error("needs an API server: make bench-cluster")
    api = Api(Path(folder) / "work/api", programs(Path(folder)))
    asyncio.run(measure(api, options.namespaces, options.accounts, options.idle))
    return 0


async def measure(api: Api, count: int, each: int, idle: int) -> None:
    """Measure and print, part by part."""
    client = open_async_client(str(api.kubeconfig))
    names = namespaces(count)
    started = time.monotonic()
    await fill(client, names, each)
    say(f"{count} namespaces with {each} ServiceAccounts each, made in {time.monotonic() - started:.0f} s")
    looped = names[:LOOPED]
    with api.client() as plain_client:
        plain = measured(plain_client, looped, count)
    say(f"plain loop: one request after the other, as fast as they are answered; {count} from {len(looped)} namespaces")
    row("", "writer", "plain loop", "bar")
    with Subject(api.kubeconfig) as subject:
        at_start = subject.tokens(1)
        done = subject.wait(lambda now: now.synced and not now.pending and now.total >= count, FIRST_PASS_SECONDS)
        first_pass(done.since(at_start), plain)
        await complete(api, count, each)
        quiet = subject.figures()
        await asyncio.sleep(idle)
        at_rest(subject.figures().since(quiet), plain)
        before = subject.tokens(2)
        renewed = subject.wait(lambda now: written(now) - written(before) >= count and not now.pending, RENEWAL_SECONDS)
        renewal(renewed.since(before), plain)
        await newcomers(client, names, plain)
        row("resident at the end", f"{subject.figures().resident / 1e6:.1f} MB")


def first_pass(done: Figures, plain: Loop) -> None:
    row("first pass", f"{done.moment:.1f} s", f"{plain.first:.0f} s", "60 s for 10,000 accounts")
    row("  requests a second", f"{done.asked / done.moment:.0f}", f"{plain.requests_first / plain.first:.0f}", "200")
    row("  requests", str(done.asked), str(plain.requests_first))
    row("  processor", f"{done.processor:.1f} s")


def at_rest(rest: Figures, plain: Loop) -> None:
    row("at rest: requests a minute", f"{rest.asked * 60 / rest.moment:.1f}", f"{plain.requests_idle} a pass", "0")
    row("  a pass", "none", f"{plain.idle:.1f} s")
    row("  processor", f"{rest.processor / rest.moment:.2%}")
    row("  resident", f"{rest.resident / 1e6:.1f} MB")


def renewal(done: Figures, plain: Loop) -> None:
    row("renewal of all", f"{done.moment:.1f} s", f"{plain.renewal:.1f} s")
    row("  requests", str(done.asked), str(plain.requests_renewal))
    row("  of these, writes of Secrets", str(written(done)), bar="one a Secret")


async def newcomers(client: AsyncClient, names: list[str], plain: Loop) -> None:
    arrivals = Arrivals(client)
    watching = asyncio.create_task(arrivals.watch())
    await arrivals.moment((names[-1], FIRST))
    accounts = await new_accounts(client, arrivals, names[:NEWCOMERS])
    spaces = await new_namespaces(client, arrivals, namespaces(len(accounts), "new"))
    watching.cancel()
    for what, seconds in (("new ServiceAccount to ready", accounts), ("new namespace to ready", spaces)):
        percentiles = quantiles(seconds, n=100)
        row(f"{what}, p50", f"{percentiles[49] * 1000:.0f} ms", f"{plain.idle / 2:.1f} s, pass after pass")
        row("  p99", f"{percentiles[98] * 1000:.0f} ms", f"{plain.idle:.1f} s", "1 s")


async def complete(api: Api, count: int, each: int) -> None:
    """See with the administrator's eyes that everything is as it was wanted."""
    listed = await asyncio.to_thread(api.kubectl, "get", "serviceaccounts", "--all-namespaces", "--output=json")
    accounts: list[dict[str, Any]] = json.loads(listed)["items"]
    named = [one for one in accounts if any(pull["name"] == SECRET for pull in one.get("imagePullSecrets", ()))]
    assert len(named) == len(accounts) >= count * each, f"{len(named)} of {len(accounts)} name the Secret"


def written(figures: Figures) -> int:
    return figures.writes.get("written", 0)


def row(what: str, writer: str, plain: str = "", bar: str = "") -> None:
    say(f"{what:34}{writer:>12}   {plain:26}{bar}".rstrip())


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
