"""`config.yaml`: an `acr-configuration` ConfigMap, its data alone, or the managed edition's parameters."""

from dataclasses import dataclass, field

from provider.config import checks, reading
from provider.config.document import Entry, Keys, Node, Scalar
from provider.config.finding import Finding, Findings
from provider.config.models import ConfigurationFile, InstanceItem
from provider.config.values import AccessKey, Configuration, Instance, Rrsa, Webhook
from provider.config.written import Reader, Written, showable, spellings

_MANIFEST_KEYS = ("apiVersion", "kind", "metadata", "data", "binaryData", "immutable")


@dataclass(frozen=True, slots=True)
class ConfigurationReading:
    """What one file says, and all that is wrong with it. `lines` tells where each key of the file stands."""

    configuration: Configuration
    findings: tuple[Finding, ...] = ()
    advice: tuple[Finding, ...] = ()
    lines: dict[str, int] = field(default_factory=dict)


def read_configuration(data: bytes, path: str) -> ConfigurationReading:
    """Return what the content of `path` says. Raises nothing: with wrong findings, the values are not to be used."""
    findings = Findings(path)
    tree = _data(reading.parse_file(data, findings), findings)
    written = Reader(findings).read(tree, ConfigurationFile)
    file = reading.validate(written, ConfigurationFile, findings)
    for mistake in checks.mistakes(file, written):
        place = written.place(mistake.location)
        findings.add(place.line, place.key, mistake.message)
    advice = Findings(path)
    for hint in checks.advice(file, written):
        place = written.place(hint.location)
        advice.add(place.line, place.key, hint.message, "warning")
    return ConfigurationReading(_resolve(file), findings.sorted(), advice.sorted(), _lines(written))


def _data(node: Node | None, findings: Findings) -> Node | None:
    """Return the keys of a ConfigMap manifest, or those at the top."""
    if not isinstance(node, Keys):
        return node
    entries = {entry.key: entry for entry in node.entries}
    known = {spelling for names in spellings(ConfigurationFile).values() for spelling in names}
    if "kind" not in entries and ("data" not in entries or known & entries.keys()):
        return node
    kind = entries.get("kind")
    if kind is not None and not (isinstance(kind.value, Scalar) and kind.value.text == "ConfigMap"):
        findings.add(kind.line, "kind", "is another kind of object; right form: kind: ConfigMap")
        return None
    for entry in node.entries:
        _check_manifest_key(entry, entries, findings, known)
    data = entries.get("data")
    if data is None or (isinstance(data.value, Scalar) and data.value.empty):
        return None
    return data.value


def _check_manifest_key(entry: Entry, entries: dict[str, Entry], findings: Findings, known: set[str]) -> None:
    if entries[entry.key] is not entry and entry.key in _MANIFEST_KEYS:
        findings.add(entries[entry.key].line, entry.key, f"is given twice: first on line {entry.line}")
    elif entry.key == "binaryData" and not _is_empty(entry.value):
        findings.add(entry.line, entry.key, "is not read; right form: as text under data", "unknown")
    elif entry.key in ("endpoints", "ca-file", "caFile"):
        findings.add(entry.line, entry.key, ConfigurationFile.elsewhere[entry.key])
    elif entry.key not in _MANIFEST_KEYS:
        message = "stands beside `data`; right form: under data" if entry.key in known else "is no key of a ConfigMap"
        findings.add(entry.line, showable(entry.key), message, "unknown")


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.empty
    return not (node.entries if isinstance(node, Keys) else node.nodes)


def _lines(written: Written) -> dict[str, int]:
    return {str(location[0]): place.line for location, place in written.places.items() if len(location) == 1}


def _resolve(file: ConfigurationFile) -> Configuration:
    return Configuration(
        instances=tuple(map(_instance, file.instances)),
        expiring_threshold=file.expiring_threshold,
        token_mode=file.token_mode,
        discovery=file.discovery,
        session_policy=file.session_policy,
        rrsa=Rrsa(file.rrsa.enable, file.rrsa.role_arn, file.rrsa.oidc_provider_arn),
        webhook=Webhook(file.webhook.enable, file.webhook.failure_policy, file.webhook.timeout_seconds),
        watch_namespaces=file.watch_namespaces,
        service_accounts=file.service_accounts,
        scope=file.scope,
        service_account_roles=file.service_account_roles,
        service_account_annotation=file.service_account_annotation,
        compat_secrets=file.compat_secrets,
        log_level=file.log_level,
    )


def _instance(item: InstanceItem) -> Instance:
    pair = (item.custom_access_key, item.custom_access_key_secret)
    return Instance(
        instance_id=item.instance_id,
        region=item.region,
        domains=item.domains,
        assume_role_arn=item.assume_role_arn,
        expire_duration=item.expire_duration,
        external_id=item.external_id,
        rrsa_role_arn=item.rrsa_role_arn,
        rrsa_oidc_provider_arn=item.rrsa_oidc_provider_arn,
        access_key=AccessKey(*pair) if all(pair) else None,
    )
