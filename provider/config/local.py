"""`local.yaml`, the node's own file: what redirects traffic or trust, never taken from the cluster."""

from dataclasses import dataclass

from provider.config import reading
from provider.config.finding import Finding, Findings
from provider.config.local_models import LocalFile
from provider.config.values import Endpoints, Local
from provider.config.written import Reader


@dataclass(frozen=True, slots=True)
class LocalReading:
    """What the file says, and all that is wrong with it."""

    local: Local
    findings: tuple[Finding, ...] = ()


def read_local(data: bytes, path: str) -> LocalReading:
    """Return what the content of `path` says. Raises nothing: with wrong findings, the values are not to be used."""
    findings = Findings(path)
    written = Reader(findings).read(reading.parse_file(data, findings), LocalFile)
    file = reading.validate(written, LocalFile, findings)
    endpoints = Endpoints(file.endpoints.metadata, file.endpoints.sts, file.endpoints.acr)
    return LocalReading(Local(endpoints, file.ca_file), findings.sorted())
