"""What is to be said of a node as it was seen: what is well, what is missing or wrong, and what to do. Pure."""

from collections.abc import Callable, Iterator, Sequence

from provider.commands.assess_credentials import docker_config, ready_answers
from provider.commands.get import moment
from provider.commands.service_account_status import tokens
from provider.commands.status_lines import REPAIR, Kept, Line
from provider.node.guard import NO_IMAGE
from provider.node.kubelet_log import AGAIN
from provider.node.report import LACKS
from provider.node.seen import Seen, Unit
from provider.places import PROGRAM

MODES = {
    "set": "the kubelet's flags set by us",
    "joined-file": "joined to a provider file that was there",
    "joined-directory": "joined to a directory of provider files that was there",
    "": "by the kubelet's config.json, without flags",
}


def assess(seen: Seen, kept: Kept) -> list[Line]:
    """Return a line for everything that was looked at, in an order that a reader can follow."""
    return [line for look_at in PARTS for line in look_at(seen, kept)]


def is_well(lines: Sequence[Line]) -> bool:
    """Tell whether nothing is missing, wrong or still to take effect."""
    return all(line.state in ("ok", "note") for line in lines)


def restart_pending(seen: Seen) -> str:
    """Return why the running kubelet does not use our provider file yet; empty where it does, or none runs."""
    record, found = seen.record, seen.found
    if record is None or record.delivery != "flags" or found is None or found.process is None:
        return ""
    if seen.flags_live is False:
        return f"{found.unit} runs without our flags"
    placed = max(record.placed, seen.provider.placed if seen.provider is not None else 0.0)
    if found.process.started < placed:
        started = moment(found.process.started)
        return f"{found.unit} runs since {started}, and the provider file is of {moment(placed)}"
    return ""


def _install(seen: Seen, kept: Kept) -> Iterator[Line]:
    record = seen.record
    if seen.record_problem:
        yield Line("install", "wrong", seen.record_problem)
    elif record is None:
        there = f" (found: {', '.join(seen.versions)})" if seen.versions else ""
        yield Line("install", "wrong", f"nothing is installed{there}: `{PROGRAM} install` sets this node up")
    else:
        yield Line("install", "ok", f"{record.program} in {record.prefix}, {MODES[record.mode]}")
        others = [version for version in seen.versions if version != record.program]
        if others:
            yield Line("install", "note", f"also there: {', '.join(others)}")
    if seen.pending == "unfinished":
        detail = (
            "a change was cut short, or is under way: it is put back by itself within 90 s, or by the next `install`"
        )
        yield Line("change", "wrong", detail)


def _program(seen: Seen, kept: Kept) -> Iterator[Line]:
    record = seen.record
    if record is None:
        return
    problems = [f"{record.prefix}/bin/{PROGRAM} {seen.program_problem}: {AGAIN}"] if seen.program_problem else []
    if seen.current != record.program:
        problems.append(f"{record.prefix}/current names {seen.current or 'no version'}, not {record.program}")
    if seen.bundle_problem:
        problems.append(f"{record.prefix}/{record.program}: {seen.bundle_problem}: {AGAIN}")
    if seen.link_problem and record.bin_dir != f"{record.prefix}/bin":
        problems.append(f"{record.bin_dir}/{PROGRAM}, which the kubelet runs, {seen.link_problem}")
    yield from _all_or_ok("program", problems, f"{record.prefix}/bin/{PROGRAM} runs, and its bundle is whole")


def _kubelet(seen: Seen, kept: Kept) -> Iterator[Line]:
    found, record = seen.found, seen.record
    if found is None:
        yield Line("kubelet", "wrong" if record is not None else "note", seen.found_problem)
        return
    name = f"{found.version or 'of a version that it does not tell'}, {found.unit} ({found.system})"
    if found.process is None:
        yield Line("kubelet", "wrong", f"{name}: does not run; `journalctl -u {found.unit}` says why")
    elif not seen.healthy:
        yield Line("kubelet", "wrong", f"{name}: {found.health_url} does not answer that it is well")
    else:
        asked = "healthy" if found.health_url else "running; whether it is healthy it tells nobody (healthzPort 0)"
        yield Line("kubelet", "ok", f"{name}, {asked}, since {moment(found.process.started)}")
    if record is not None and record.kubelet_version and str(found.version) != record.kubelet_version:
        detail = f"was {record.kubelet_version} at the install; the provider file is judged by what is there now"
        yield Line("kubelet", "note", detail)


def _flags(seen: Seen, kept: Kept) -> Iterator[Line]:
    record, found = seen.record, seen.found
    if found is None or (record is not None and record.delivery != "flags"):
        return
    if record is None:
        if found.flags.config or found.flags.bin_dir:
            told = f"config {found.flags.config or 'missing'}, bin directory {found.flags.bin_dir or 'missing'}"
            yield Line("flags", "note", f"the kubelet has a provider configuration: {told}")
        return
    if seen.flags_next:
        yield Line("flags", "ok", f"the next start has {found.flags.config} and {found.flags.bin_dir}")
        return
    told = f"config {found.flags.config or 'missing'}, bin directory {found.flags.bin_dir or 'missing'}"
    detail = f"the next start would not use {record.provider_file} and {record.bin_dir} ({told}): {REPAIR}"
    yield Line("flags", "wrong", detail)


def _provider_file(seen: Seen, kept: Kept) -> Iterator[Line]:
    provider, record = seen.provider, seen.record
    if provider is None or (record is not None and record.delivery != "flags"):
        return
    if record is None and provider.entry is None:
        return
    mends = REPAIR if record is None or record.mode == "set" else f"{REPAIR} only if it is in our entry"
    problems = [f"the kubelet would not start with it: {problem}: {mends}" for problem in provider.problems]
    if provider.entry is None:
        problems.append(f"has no entry of ours: {REPAIR}")
    elif NO_IMAGE in provider.entry.match_images:
        problems.append(f"stands in for ours, which was missing at the kubelet's start, and matches no image: {REPAIR}")
    else:
        missing = [domain for domain in kept.domains if domain not in provider.entry.match_images]
        if missing:
            problems.append(f"{LACKS} {', '.join(missing)}: `{PROGRAM} install` adds them")
    named = [f"{provider.path}: {problem}" for problem in problems]
    yield from _all_or_ok("provider file", named, f"{provider.path} has our entry, and this kubelet starts with it")


def _service_accounts(seen: Seen, kept: Kept) -> Iterator[Line]:
    told = tokens(seen, kept.configuration) if kept.configuration is not None else None
    if told is not None:
        yield Line("ServiceAccount", *told)


def _in_effect(seen: Seen, kept: Kept) -> Iterator[Line]:
    reason = restart_pending(seen)
    if reason:
        unit = seen.found.unit if seen.found is not None else "kubelet"
        yield Line("in effect", "pending", f"restart pending: {reason}; `systemctl restart {unit}` takes it up")
    elif seen.record is not None and seen.record.delivery == "flags" and seen.found and seen.found.process:
        yield Line("in effect", "ok", "the kubelet started after the provider file was placed")


def _drift(seen: Seen, kept: Kept) -> Iterator[Line]:
    record = seen.record
    if record is None:
        return
    for path, how in seen.drifted.items():
        yield Line("guard" if "-guard.conf" in path else "files", "wrong", f"{path} {how}: {REPAIR}")
    guards = [change.path for change in record.changes if "-guard.conf" in change.path]
    yield from (Line("guard", "ok", path) for path in guards if path not in seen.drifted)


def _units(seen: Seen, kept: Kept) -> Iterator[Line]:
    if seen.record is None:
        return
    if seen.units is None:
        yield Line("units", "note", "systemd does not run here: nothing renews answers before they are asked for")
        return
    problems = [f"{name}: {fault}" for name, unit in seen.units.items() if (fault := _fault(name, unit))]
    yield from _all_or_ok("units", problems, f"{', '.join(seen.units)} do their work")


PARTS: tuple[Callable[[Seen, Kept], Iterator[Line]], ...] = (
    _install,
    _program,
    _kubelet,
    _flags,
    _provider_file,
    _service_accounts,
    _in_effect,
    _drift,
    _units,
    docker_config,
    ready_answers,
)


def _all_or_ok(subject: str, problems: Sequence[str], well: str) -> Iterator[Line]:
    """Yield a line for each problem, or the one that says that there is none."""
    for problem in problems:
        yield Line(subject, "wrong", problem if "`" in problem else f"{problem}: {REPAIR}")
    if not problems:
        yield Line(subject, "ok", well)


def _fault(name: str, unit: Unit) -> str:
    if unit.load != "loaded":
        return f"is {unit.load or 'not known to systemd'}"
    if not unit.enabled.startswith("enabled"):
        return f"is {unit.enabled or 'not enabled'}, so nothing starts it (`systemctl enable --now {name}`)"
    if name.endswith(".timer") and unit.active != "active":
        return f"is {unit.active} (`systemctl start {name}`)"
    return ""
