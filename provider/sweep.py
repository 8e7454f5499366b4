"""Removes from the directory of the ready answers what nobody needs any more.

Whoever may start pods may invent hosts that match, each of which leaves a lock and a refusal; the directory is memory.
"""

import os

from provider.answers import decode, read_private
from provider.hand_over import ENDING as SOCKET
from provider.locks import Busy
from provider.store import TEMPORARY, Store

TEMPORARY_SECONDS = 60
"""The age at which a temporary file or an unused lock is nobody's any more: no plugin lives longer."""

KEEP_SECONDS = 24 * 3600
"""How long an answer that has ended, or a refusal that no longer holds, is kept for those who look."""

MOST_REFUSALS = 200
"""Kept at most, the newest."""


def sweep(store: Store, now: float) -> None:
    """Remove what killed plugins left, ended answers, old refusals, and locks of hosts that have neither."""
    for ending in (TEMPORARY, SOCKET):
        for name in store.named(ending):
            if _age(store, name + ending, now) > TEMPORARY_SECONDS:
                store.remove(name + ending)
    for host in store.hosts():
        data = read_private(f"{store.directory}/{host}.json")
        answer = decode(data, host) if data is not None else None
        if answer is None or answer.end + KEEP_SECONDS < now:
            store.forget_answer(host)
    refused = sorted((_age(store, f"{host}.refused", now), host) for host in store.named(".refused"))
    for place, (age, host) in enumerate(refused):
        if place >= MOST_REFUSALS or age > KEEP_SECONDS:
            store.remove(f"{host}.refused")
    used = {*store.hosts(), *store.named(".refused")}
    for host in store.named(".lock"):
        if host not in used and _age(store, f"{host}.lock", now) > TEMPORARY_SECONDS:
            _remove_lock(store, host)


def sweep_if_crowded(store: Store, now: float) -> None:
    """Remove what can go where many hosts were refused."""
    if len(store.named(".refused")) > MOST_REFUSALS:
        sweep(store, now)


def _remove_lock(store: Store, host: str) -> None:
    try:
        with store.locked(host, wait=False) as held:
            if held:
                store.remove(f"{host}.lock")
    except Busy:
        return


def _age(store: Store, name: str, now: float) -> float:
    try:
        return now - os.lstat(f"{store.directory}/{name}").st_mtime
    except OSError:
        return 0
