"""What is to be done for a migration, in order, each with what undoes it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from provider.commands.cluster_migration import INCUMBENT, TRUSTED, Looked
from provider.commands.cluster_status import counted
from provider.config.values import Configuration, Instance
from provider.errors import ConfigurationError
from provider.identity.chain import choose
from provider.kubernetes.names import CONFIG_MAP, SECRET, SYSTEM_NAMESPACE
from provider.node.kubelet_version import parse
from provider.node.plan import FIRST_VERSION
from provider.places import PROGRAM

UPGRADE = f"helm upgrade {PROGRAM} CHART --namespace {SYSTEM_NAMESPACE} --reuse-values --set"
STATUS = f"{PROGRAM} status --cluster"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    do: str
    back: str
    """What undoes it; empty where nothing has to."""


def steps(looked: Looked) -> Iterator[Step]:
    """Yield what is left to do."""
    if looked.wrong:
        yield Step(f"Mend ConfigMap {SYSTEM_NAMESPACE}/{CONFIG_MAP} as said above.", "")
    if not looked.installed:
        if _has_rrsa(looked):
            yield Step(f"Add {' and '.join(TRUSTED)} to the trust policies of the RRSA roles.", "Take them out, last.")
        yield Step(
            f"Install beside what is there: helm install {PROGRAM} CHART --namespace {SYSTEM_NAMESPACE} "
            "--set image.repository=IMAGE",
            f"{UPGRADE} uninstall=true; when `{STATUS}` says that all nodes are as before: "
            f"helm uninstall {PROGRAM} --namespace {SYSTEM_NAMESPACE}",
        )
    yield Step(
        f"Wait until `{STATUS}` says that all is well; then `{PROGRAM} get IMAGE` on a node, for each registry.", ""
    )
    writer = looked.writer
    if writer is not None and writer.runs:
        scale = f"kubectl -n {SYSTEM_NAMESPACE} scale deployment {INCUMBENT} --replicas="
        also = f", or {scale}0" if writer.replicas else ""
        yield Step(
            f"End {INCUMBENT}: uninstall it in the console{also}. "
            "Its Secrets stay, and are good until their tokens end, an hour at most.",
            f"Install it in the console{f', or {scale}{writer.replicas}' if writer.replicas else ''}: "
            "it writes its Secrets anew.",
        )
    if writer is not None and writer.left:
        yield Step(
            f"Have its Secrets taken over, at once: {UPGRADE} secrets.takeover=true",
            f"{UPGRADE} secrets.takeover=false, then start {INCUMBENT}.",
        )
    yield from _end_of_secrets(looked)


def _end_of_secrets(looked: Looked) -> Iterator[Step]:
    configuration = looked.configuration
    if configuration is not None and not configuration.compat_secrets:
        return
    old = any(_is_old(version) for version in looked.kubelets or ())
    if looked.virtual or old:
        yield Step("Keep the Secrets: virtual nodes and kubelets older than 1.24 need them.", "")
        return
    census = looked.census
    if census is not None and census.workloads.number:
        yield Step(
            f"Take {SECRET} out of imagePullSecrets of the {counted(census.workloads.number, 'workload')} named above.",
            "Put it in again.",
        )
    yield Step(
        f"When `{STATUS}` says that every node answers by itself, and nothing else in the cluster reads "
        f'imagePullSecrets (build tools do): compat-secrets: "off" in ConfigMap {SYSTEM_NAMESPACE}/{CONFIG_MAP}.',
        'compat-secrets: "on": the Secrets are there again within seconds.',
    )


def _has_rrsa(looked: Looked) -> bool:
    configuration = looked.configuration or Configuration()
    try:
        sources = [
            choose(configuration, each, looked.created).source for each in configuration.instances or (Instance(),)
        ]
    except ConfigurationError:
        return False
    return "rrsa" in sources


def _is_old(version: str) -> bool:
    return (parse(version) or FIRST_VERSION) < FIRST_VERSION
