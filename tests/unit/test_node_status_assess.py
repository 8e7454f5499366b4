"""What `status` says of a node as it was seen: each fault is found, and a node that is well has none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from provider.answers import Answer
from provider.commands.assess import assess, is_well, restart_pending
from provider.commands.status_lines import Kept, Line
from provider.config.values import Configuration
from provider.errors import Refused
from provider.node.detect.found import Flags, Found, Process
from provider.node.docker_config import Chosen
from provider.node.kubelet_version import Version
from provider.node.looking import UNITS
from provider.node.provider_file.entry import Entry, match_images
from provider.node.record import Kept as KeptChange
from provider.node.record import KeptFile, Record
from provider.node.seen import ProviderFile, Seen, Unit
from provider.node.token_attributes import ROLE, wanted
from provider.places import PROGRAM
from provider.refusals import refusal_of

NOW = 1_700_000_000
HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"
FILE = "/etc/aliyun-acr-credential-provider/CredentialProviderConfig.yaml"
BIN = "/opt/aliyun-acr-credential-provider/bin"
GUARD = "/etc/systemd/system/kubelet.service.d/90-aliyun-acr-credential-provider-guard.conf"
FLAGS = Flags(FILE, BIN)

RECORD = Record(
    program="0.1.0",
    prefix="/opt/aliyun-acr-credential-provider",
    delivery="flags",
    mode="set",
    provider_file=FILE,
    bin_dir=BIN,
    unit="kubelet.service",
    kubelet_version="1.34.4",
    placed=NOW - 600.0,
    changes=(KeptChange(GUARD, None, KeptFile("0" * 64, 0o644, 0, 0)),),
)
FOUND = Found(
    system="ack",
    unit="kubelet.service",
    executable="/usr/bin/kubelet",
    version=Version(1, 34, 4),
    process=Process(4711, NOW - 590.0, (), "/usr/bin/kubelet"),
    flags=FLAGS,
    live=FLAGS,
    health_url="http://127.0.0.1:10248/healthz",
    root_dir="/var/lib/kubelet",
    kubeconfig="",
    command_line=(),
)
WELL = Seen(
    now=NOW,
    record=RECORD,
    versions=("0.1.0",),
    current="0.1.0",
    found=FOUND,
    healthy=True,
    flags_next=True,
    flags_live=True,
    provider=ProviderFile(FILE, NOW - 600.0, Entry(match_images(())), ()),
    units={name: Unit("loaded", "active", "enabled") for name in UNITS},
)
ANSWER = Answer(
    HOST, "u", "p", written=NOW - 60, renew=NOW + 1800, end=NOW + 3600, fingerprint="f", source="instance cri-x"
)
KEPT = Kept(answers=[ANSWER], fingerprint="f")


def told(lines: Sequence[Line], state: str) -> list[tuple[str, str]]:
    return [(line.subject, line.detail) for line in lines if line.state == state]


def test_a_node_that_is_well_is_said_to_be_well() -> None:
    lines = assess(WELL, KEPT)
    assert is_well(lines)
    assert {line.state for line in lines} == {"ok"}
    assert [line.subject for line in lines] == [
        "install", "program", "kubelet", "flags", "provider file", "in effect", "guard", "units", "ready answers",
        "renewal",
    ]  # fmt: skip


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing installed": ({"record": None, "versions": ()}, "install", "nothing is installed: `"),
    "a bundle without an install": ({"record": None}, "install", "(found: 0.1.0)"),
    "a record that cannot be read": ({"record": None, "record_problem": "x: is no record"}, "install", "is no record"),
    "a change that was cut short": ({"pending": "unfinished"}, "change", "put back by itself"),
    "a program that does not run": ({"program_problem": "does not run: exit status 1"}, "program", "exit status 1"),
    "another version in force": ({"current": "0.0.9"}, "program", "current names 0.0.9, not 0.1.0"),
    "a damaged bundle": ({"bundle_problem": "missing or damaged: _internal/x"}, "program", "_internal/x"),
    "a link that is gone, of a joined kubelet": (
        {"record": replace(RECORD, bin_dir="/usr/libexec/providers"), "link_problem": "is missing"},
        "program", f"/usr/libexec/providers/{PROGRAM}, which the kubelet runs, is missing",
    ),
    "no kubelet": ({"found": None, "found_problem": "no kubelet on this node"}, "kubelet", "no kubelet on this node"),
    "a kubelet that does not run": ({"found": replace(FOUND, process=None)}, "kubelet", "does not run; `journalctl"),
    "a kubelet that is not well": ({"healthy": False}, "kubelet", "healthz does not answer that it is well"),
    "flags that the platform took away": (
        {"found": replace(FOUND, flags=Flags()), "flags_next": False}, "flags", "config missing, bin directory missing",
    ),
    "a provider file that is refused": (
        {"provider": ProviderFile(FILE, NOW - 600, Entry(match_images(())), ("unknown field",))},
        "provider file", "would not start with it: unknown field",
    ),
    "a provider file without us": (
        {"provider": ProviderFile(FILE, NOW - 600, None, ())}, "provider file", "has no entry of ours: `",
    ),
    "a guard that is gone": ({"drifted": {GUARD: "is missing"}}, "guard", f"{GUARD} is missing: `"),
    "a unit's file that somebody changed": (
        {"drifted": {"/etc/tmpfiles.d/x.conf": "was changed since install"}}, "files", "was changed since install: `",
    ),
    "a timer that somebody stopped": (
        {"units": {**{name: Unit("loaded", "active", "enabled") for name in UNITS},
                   f"{PROGRAM}-renew.timer": Unit("loaded", "inactive", "enabled")}},
        "units", f"{PROGRAM}-renew.timer: is inactive (`systemctl start",
    ),
    "a service that nothing starts": (
        {"units": {f"{PROGRAM}-warm.service": Unit("loaded", "inactive", "disabled")}}, "units", "is disabled",
    ),
    "a unit that is gone": (
        {"units": {f"{PROGRAM}-renew.timer": Unit("not-found", "inactive", "")}}, "units", "is not-found",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "subject", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found(changed: dict[str, Any], subject: str, words: str) -> None:
    lines = assess(replace(WELL, **changed), KEPT)
    wrong = told(lines, "wrong")
    assert [name for name, _ in wrong] == [subject]
    assert words in wrong[0][1]
    assert not is_well(lines)


PENDING: dict[str, tuple[dict[str, Any], str]] = {
    "a kubelet from before": (
        {"found": replace(FOUND, process=Process(1, NOW - 601.0, (), ""))},
        "and the provider file is of 2023-11-14T22:03:20Z",
    ),
    "a provider file that was written since": (
        {"provider": ProviderFile(FILE, NOW - 10.0, Entry(match_images(())), ())}, "runs since 2023-11-14T22:03:30Z",
    ),
    "a kubelet without the flags": ({"flags_live": False}, "runs without our flags"),
    "k3s from before, whose flags nobody sees": (
        {"found": replace(FOUND, process=Process(1, NOW - 601.0, (), ""), live=None), "flags_live": None}, "runs since",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "words"), PENDING.values(), ids=PENDING.keys())
def test_what_waits_for_a_restart_is_neither_well_nor_wrong(changed: dict[str, Any], words: str) -> None:
    seen = replace(WELL, **changed)
    lines = assess(seen, KEPT)
    assert told(lines, "wrong") == []
    [(subject, detail)] = told(lines, "pending")
    assert subject == "in effect"
    assert words in detail
    assert "`systemctl restart kubelet.service`" in detail
    assert restart_pending(seen)
    assert not is_well(lines)


@pytest.mark.parametrize("changed", [{"record": None}, {"found": None}, {"found": replace(FOUND, process=None)}])
def test_nothing_waits_where_nothing_is_installed_or_runs(changed: dict[str, Any]) -> None:
    assert restart_pending(replace(WELL, **changed)) == ""


def test_a_domain_that_matchimages_lacks_is_named() -> None:
    lines = assess(WELL, replace(KEPT, domains=["registry.example.com", "other.example.com"]))
    [(subject, detail)] = told(lines, "wrong")
    assert subject == "provider file"
    assert "matchImages lacks registry.example.com, other.example.com" in detail
    provider = ProviderFile(FILE, NOW - 600, Entry(match_images(["registry.example.com"])), ())
    assert is_well(assess(replace(WELL, provider=provider), replace(KEPT, domains=["registry.example.com"])))


def test_answers_that_ended_or_are_not_used_are_worth_a_note() -> None:
    ended = Answer("b.io", "u", "p", written=1, renew=2, end=NOW, fingerprint="f", source="s")
    other = Answer("c.io", "u", "p", written=NOW - 60, renew=NOW + 5, end=NOW + 9, fingerprint="g", source="s")
    lines = assess(WELL, replace(KEPT, answers=[ANSWER, ended, other]))
    notes = dict(enumerate(detail for _, detail in told(lines, "note")))
    assert "b.io: ended at 2023-11-14T22:13:20Z" in notes[0]
    assert "the configuration has changed since" in notes[1]
    assert ("renewal", "the next one is due at 2023-11-14T22:43:20Z; the timer does it up to 10 min ahead") in told(
        lines, "ok"
    )
    assert is_well(lines)


def test_a_refusal_is_shown_with_code_and_request_id_and_is_no_fault_of_the_node() -> None:
    refusal = refusal_of(Refused("no permission", code="NoPermission", request_id="ABC"), "d.io", "f", NOW - 5)
    lines = assess(WELL, replace(KEPT, refusals=[refusal]))
    [(subject, detail)] = told(lines, "note")
    assert subject == "refusals"
    assert detail == "d.io at 2023-11-14T22:13:15Z, refused: no permission (Code NoPermission, RequestId ABC)"


def test_what_keeps_the_answers_from_being_read_is_wrong() -> None:
    assert told(assess(WELL, Kept(problem="run this as root")), "wrong") == [("ready answers", "run this as root")]


DELIVERED = replace(
    WELL, record=replace(RECORD, delivery="docker-config", mode="", provider_file="", bin_dir=""), provider=None,
    flags_next=False, flags_live=None, found=replace(FOUND, flags=Flags(), live=Flags()),
)  # fmt: skip


def test_delivery_by_the_kubelets_file_needs_no_flags() -> None:
    chosen = Chosen("/var/lib/kubelet/config.json", None, {HOST: NOW + 3600})
    lines = assess(DELIVERED, replace(KEPT, chosen=chosen))
    assert is_well(lines)
    assert {"flags", "provider file", "in effect"}.isdisjoint(line.subject for line in lines)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (None, "is not written down"),
        (Chosen("/x/config.json", None, {}), "has no entry of ours"),
        (Chosen("/x/config.json", None, {HOST: NOW}), "ended at"),
    ],
)
def test_what_is_missing_in_the_kubelets_file_is_wrong(chosen: Chosen | None, words: str) -> None:
    [(subject, detail)] = told(assess(DELIVERED, replace(KEPT, chosen=chosen)), "wrong")
    assert subject == "docker config"
    assert words in detail


def test_flags_that_somebody_set_by_hand_are_shown() -> None:
    lines = assess(replace(WELL, record=None, flags_next=False, flags_live=None), KEPT)
    assert ("flags", f"the kubelet has a provider configuration: config {FILE}, bin directory {BIN}") in told(
        lines, "note"
    )


def test_a_kubelet_that_was_upgraded_is_a_note() -> None:
    lines = assess(replace(WELL, found=replace(FOUND, version=Version(1, 35, 0))), KEPT)
    assert told(lines, "note") == [
        ("kubelet", "was 1.34.4 at the install; the provider file is judged by what is there now")
    ]


def test_without_systemd_nothing_renews() -> None:
    [(subject, detail)] = told(assess(replace(WELL, units=None), KEPT), "note")
    assert subject == "units"
    assert "nothing renews" in detail


OPTIONAL = Configuration(service_account_roles="optional")
REQUIRED = Configuration(service_account_roles="required")
OBSTACLE = "kubelet 1.33.9 does not know them: upgrade it to 1.34.0 or newer"


def having(configuration: Configuration, recorded: Configuration | None = None) -> Seen:
    """A node whose entry is as one configuration wants it, and whose install wanted the same or another."""
    entry = Entry(match_images(()), token_attributes=wanted(configuration))
    record = replace(RECORD, token_attributes=wanted(recorded or configuration))
    return replace(WELL, record=record, provider=ProviderFile(FILE, NOW - 600.0, entry, ()))


OFF = Configuration()
TOKENS: dict[str, tuple[Seen, Configuration | None, str, str]] = {
    "not wanted": (WELL, OFF, "", ""),
    "no configuration that can be read": (having(OPTIONAL), None, "", ""),
    "wanted and there": (having(OPTIONAL), OPTIONAL, "ok", f"{FILE} asks the kubelet for what this configuration"),
    "left out by install": (
        having(OFF), OPTIONAL, "wrong",
        f"has no tokenAttributes: `{PROGRAM} install` sets them where ClusterRole {ROLE} and its binding are there; "
        "until then all pods pull with the node's identity",
    ),
    "left out, and none else": (having(OFF), REQUIRED, "wrong", "until then nothing is pulled with us"),
    "of another mode": (having(OPTIONAL), REQUIRED, "wrong", "requireServiceAccount is false, wanted: true; "),
    "no longer wanted": (
        having(REQUIRED), OFF, "wrong",
        f"{FILE}: it has tokenAttributes, which this configuration does not want: `{PROGRAM} install` mends it",
    ),
    "drifted": (having(OFF, recorded=OPTIONAL), OPTIONAL, "wrong", f"no tokenAttributes: `{PROGRAM} repair` mends it"),
    "an older kubelet": (
        replace(having(OFF, recorded=OPTIONAL), tokens_obstacle=OBSTACLE), OPTIONAL, "note",
        f"{OBSTACLE}, then `{PROGRAM} install`; until then all pods pull with the node's identity",
    ),
    "an older kubelet that serves nobody": (
        replace(having(OFF), tokens_obstacle=OBSTACLE), REQUIRED, "wrong", "nothing is pulled with us",
    ),
    "without flags": (DELIVERED, REQUIRED, "wrong", "for all pods of the node alike: `"),
    "without flags, and not wanted": (DELIVERED, OFF, "", ""),
    "no entry at all": (replace(WELL, provider=ProviderFile(FILE, 0.0, None, ())), REQUIRED, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("how", TOKENS)
def test_whether_the_kubelet_hands_over_tokens(how: str) -> None:
    seen, configuration, state, words = TOKENS[how]
    lines = assess(seen, replace(KEPT, configuration=configuration))
    told_of = [line for line in lines if line.subject == "ServiceAccount"]
    assert [line.state for line in told_of] == ([state] if state else [])
    assert all(words in line.detail for line in told_of)
