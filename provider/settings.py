"""The configuration as the program uses it, read once and then kept beside the ready answers.

Reading it costs 80 ms of imports (pydantic, YAML); what follows from it is kept as JSON under the files' fingerprint,
and a request after that needs neither. A configuration with a key pair is never copied.
"""

from collections.abc import Callable
from dataclasses import dataclass

from provider.config import resolved
from provider.config.values import Configuration, Local
from provider.places import Places
from provider.store import Store
from provider.version import VERSION

KEEP_SECONDS = 24 * 3600
SUBJECT = "configuration"
KIND = "resolved"


@dataclass(frozen=True, slots=True)
class Settings:
    """Configuration, and the fingerprint of the files that it came from."""

    configuration: Configuration
    local: Local
    fingerprint: str
    unknown: tuple[str, ...] = ()
    """One line for each key that nobody knows."""


def load_settings(places: Places, store: Store, now: float, journal: Callable[[str], None]) -> Settings:
    """Return the settings in force; unknown keys are named in the journal.

    Raises ConfigurationError, with all findings.
    """
    fingerprint = places.fingerprint()
    settings = _kept(store.recall(SUBJECT, KIND, now), fingerprint)
    if settings is None:
        from provider.config.load import load

        loaded = load(places.config, places.local)
        for warning in loaded.warnings:
            journal(str(warning))
        unknown = tuple(str(finding) for finding in loaded.unknown)
        settings = Settings(loaded.configuration, loaded.local, fingerprint, unknown)
        value = resolved.dump(loaded.configuration, loaded.local, unknown)
        if value is not None:
            kept = {"fingerprint": fingerprint, "program": VERSION, "value": value}
            store.remember(SUBJECT, KIND, kept, now, KEEP_SECONDS)
    for line in settings.unknown:
        journal(line)
    return settings


def _kept(value: object, fingerprint: str) -> Settings | None:
    match value:
        case {"fingerprint": str(known), "program": str(program), "value": kept} if (known, program) == (
            fingerprint,
            VERSION,
        ):
            parsed = resolved.parse(kept)
            return Settings(*parsed[:2], fingerprint, parsed[2]) if parsed is not None else None
    return None
