"""What `status` says of credentials: delivered, ready, refused. Pure."""

from collections.abc import Iterator

from provider.answers import Answer
from provider.commands.get import moment
from provider.commands.status_lines import REPAIR, Kept, Line, State
from provider.node.seen import Seen
from provider.places import PROGRAM


def docker_config(seen: Seen, kept: Kept) -> Iterator[Line]:
    """Yield what is delivered by the kubelet's config.json, if anything is meant to be."""
    chosen, record = kept.chosen, seen.record
    if chosen is None:
        if record is not None and record.delivery == "docker-config":
            yield Line("docker config", "wrong", f"what is delivered is not written down: {REPAIR}")
        return
    if not chosen.hosts:
        yield Line("docker config", "wrong", f"{chosen.path} has no entry of ours: `{PROGRAM} warm` says why")
    for host, end in chosen.hosts.items():
        state: State = "ok" if end > seen.now else "wrong"
        yield Line("docker config", state, f"{host} in {chosen.path}, {_until(end, seen.now)}")


def next_renewal(seen: Seen, kept: Kept) -> float | None:
    """Return when the first answer that counts is due, in seconds since the epoch; None where there is none."""
    return min((answer.renew for answer in _usable(kept) if answer.is_valid(seen.now)), default=None)


def _usable(kept: Kept) -> list[Answer]:
    return [answer for answer in kept.answers if answer.fingerprint == kept.fingerprint]


def ready_answers(seen: Seen, kept: Kept) -> Iterator[Line]:
    """Yield the ready answers, when they are renewed, and what was refused last."""
    if kept.problem:
        yield Line("ready answers", "wrong", kept.problem)
    if not kept.answers and not kept.problem:
        yield Line("ready answers", "note", "none; the first pull, or `warm` for the configured domains, makes them")
    usable = _usable(kept)
    for answer in kept.answers:
        detail = f"{answer.host}: {_until(answer.end, seen.now)} ({answer.source})"
        if answer not in usable:
            detail += ", not used: the configuration has changed since"
        well = answer in usable and answer.is_valid(seen.now)
        yield Line("ready answers", "ok" if well else "note", detail)
    coming = next_renewal(seen, kept)
    if coming is not None:
        yield Line("renewal", "ok", f"the next one is due at {moment(coming)}; the timer does it up to 10 min ahead")
    for refusal in kept.refusals:
        yield Line("refusals", "note", f"{refusal.host} at {moment(refusal.written)}, {refusal.cause}: {refusal.line}")


def _until(end: float, now: float) -> str:
    return f"good until {moment(end)}" if end > now else f"ended at {moment(end)}"
