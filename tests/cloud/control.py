"""The control channel: one command a line of JSON, one answer a line of JSON."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cloud.simulation import SimulatedCloud

Values = dict[str, Any]
SWITCHES = frozenset({"business_errors_with_status_200", "wrong_account_code", "authorization_token_seconds"})


def ready(cloud: SimulatedCloud) -> Values:
    """What a driver must know to send programs here."""
    return {
        "ready": True,
        "ca_file": str(cloud.ca_file),
        "inspection_ca_file": str(cloud.inspection_ca_file),
        "proxy_url": cloud.proxy_url,
        "metadata_address": cloud.metadata_address,
        "https_address": cloud.https_address,
        "trap_url": cloud.trap_url,
    }


def obey(cloud: SimulatedCloud, line: str) -> str:
    """The answer to one command: `{"ok": true, …}`, or `{"ok": false, "error": …}`."""
    try:
        command = json.loads(line)
        answer = COMMANDS[command.pop("command")](cloud, command)
        return json.dumps({"ok": True, **answer})
    except (ValueError, TypeError, KeyError, AttributeError, LookupError, OSError) as error:
        return json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"})


def _set_fault(cloud: SimulatedCloud, options: Values) -> Values:
    cloud.faults.set(options.pop("service"), options.pop("kind"), **options)
    return {}


def _clear_faults(cloud: SimulatedCloud, options: Values) -> Values:
    cloud.faults.clear(options.get("service"))
    return {}


def _turn_clock(cloud: SimulatedCloud, options: Values) -> Values:
    cloud.clock.offset = float(options["offset"])
    return {"now": cloud.clock.now()}


def _calls(cloud: SimulatedCloud, options: Values) -> Values:
    found = cloud.calls.of(options.get("service", ""), options.get("action", ""))
    return {"calls": [dataclasses.asdict(call) for call in found]}


def _clear_calls(cloud: SimulatedCloud, _: Values) -> Values:
    cloud.calls.clear()
    return {}


def _trapped(cloud: SimulatedCloud, _: Values) -> Values:
    return {"trapped": [dataclasses.asdict(one) for one in cloud.trapped]}


def _secrets(cloud: SimulatedCloud, _: Values) -> Values:
    return {"secrets": sorted(cloud.secrets())}


def _node(cloud: SimulatedCloud, options: Values) -> Values:
    """Change the node: `mode`, `role_name`, `session_seconds`, …"""
    for name, value in options.items():
        if name not in {field.name for field in dataclasses.fields(cloud.world.node)}:
            raise KeyError(name)
        setattr(cloud.world.node, name, value)
    return dataclasses.asdict(cloud.world.node)


def _world(cloud: SimulatedCloud, options: Values) -> Values:
    """Change one of the world's switches."""
    for name, value in options.items():
        if name not in SWITCHES:
            raise KeyError(name)
        setattr(cloud.world, name, value)
    return {name: getattr(cloud.world, name) for name in SWITCHES}


def _challenge(cloud: SimulatedCloud, options: Values) -> Values:
    cloud.world.instance(options["instance"]).challenge = options["challenge"]
    return {}


def _users(cloud: SimulatedCloud, _: Values) -> Values:
    return {"users": [{**dataclasses.asdict(user), "arn": user.arn} for user in cloud.world.users]}


def _service_account_token(cloud: SimulatedCloud, options: Values) -> Values:
    return _written(cloud.make.service_account_token, options)


def _signing_key(cloud: SimulatedCloud, options: Values) -> Values:
    """Write the cluster's private key (RS256, PEM) to `file`, so that a real API server issues tokens with it."""
    pem = cloud.world.cluster.keys.pem
    return {**_written(lambda: pem, {"file": options["file"]}), "issuer": cloud.world.cluster.issuer}


def _managed_role_secret(cloud: SimulatedCloud, options: Values) -> Values:
    return _written(cloud.make.managed_role_secret, options)


def _written(make: Callable[..., str], options: Values) -> Values:
    """The text; or, with `file`, the text in that file, which only the owner may read."""
    file = options.pop("file", "")
    text = make(**options)
    if not file:
        return {"text": text}
    path = Path(file)
    path.touch(mode=0o600)
    path.write_text(text)
    return {"file": file}


COMMANDS: dict[str, Callable[[SimulatedCloud, Values], Values]] = {
    "set_fault": _set_fault,
    "clear_faults": _clear_faults,
    "turn_clock": _turn_clock,
    "calls": _calls,
    "clear_calls": _clear_calls,
    "trapped": _trapped,
    "secrets": _secrets,
    "node": _node,
    "world": _world,
    "challenge": _challenge,
    "users": _users,
    "service_account_token": _service_account_token,
    "signing_key": _signing_key,
    "managed_role_secret": _managed_role_secret,
}
