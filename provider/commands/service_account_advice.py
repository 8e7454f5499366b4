"""What `doctor --service-account` says of trust policies, of pods and of what each mode protects. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from provider.config.values import Configuration, Instance
from provider.node.kubelet_version import Version
from provider.node.provider_file.entry import TokenAttributes
from provider.pods import needed_by
from provider.service_account import ACK_ANNOTATION, AUDIENCE, OWN_ANNOTATION, Claims

RECHECKS = Version(1, 35, 0)
"""The first kubelet that asks again whose credentials an image was pulled with, before another pod may use it."""

_ENDED = ("Succeeded", "Failed")

MODES = {
    "off": "off: every pod of this node pulls with the node's identity, whatever its ServiceAccount is annotated with",
    "optional": (
        "optional: an annotated ServiceAccount's pods pull with its own role. That keeps nobody apart: who may write "
        "the ServiceAccount takes the annotation away, and its pods pull with the node's identity"
    ),
    "required": (
        "required: nothing without a role of its own. That keeps namespaces apart only if pods cannot reach the "
        "metadata service (100.100.100.200) and the node's own role may not pull from ACR: else a pod takes that "
        "role's rights from there"
    ),
}
ROLES = (
    "a tenant may write another team's role into its annotation, and only that role's oidc:sub stops it: a trust "
    "policy without oidc:sub, or with * in it, lets everybody in",
    "images that were pulled with the node's identity before stay open to every pod of the node until they are gone",
)
"""What holds in both modes with roles."""
STARTS_ANYTHING = (
    "kubelet {version} starts an image that is on the node already for any pod, unless the pod's imagePullPolicy is "
    "Always; 1.35 and newer re-check who may use it"
)


def protection(configuration: Configuration, version: Version | None) -> str:
    """Return what the mode protects and what not, a line each. `version`: the kubelet's, None where not known."""
    lines = [MODES[configuration.service_account_roles]]
    if configuration.service_account_roles != "off":
        lines += ROLES
    if (version is None or version < RECHECKS) and needed_by(configuration):
        lines.append(STARTS_ANYTHING.format(version=version or "of a version that is not known"))
    return "\n".join(lines)


def trust_policy(issuer: str, provider_arn: str, subject: str) -> str:
    """Return the trust policy that a role needs for one ServiceAccount, as JSON to paste into the RAM console."""
    conditions = {"oidc:aud": AUDIENCE, "oidc:iss": issuer, "oidc:sub": subject}
    statement = {
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": conditions},
        "Effect": "Allow",
        "Principal": {"Federated": [provider_arn]},
    }
    return json.dumps({"Statement": [statement], "Version": "1"}, indent=2)


def is_inside_the_cluster(issuer: str) -> bool:
    """Tell whether an issuer is a name inside the cluster, where RAM cannot fetch the keys from."""
    host = issuer.removeprefix("https://").partition("/")[0].partition(":")[0]
    return host == "kubernetes.default" or host.endswith((".svc", ".svc.cluster.local"))


def provider_origin(configuration: Configuration, instance: Instance, known_cluster: str) -> str:
    """Return where the OIDC provider's ARN is from, in the order of `pod_role.oidc_provider_of`."""
    if instance.rrsa_oidc_provider_arn:
        return f"rrsaOIDCProviderRoleARN of {instance.instance_id or 'Personal Edition'} in acr-registry-info"
    if configuration.rrsa.oidc_provider_arn:
        return "oidcProviderARN under rrsa"
    cluster = "the cluster's id that the agent wrote down" if known_cluster else "the end of the issuer"
    return f"derived, as ACK names it: the node's account, and {cluster}"


def instance_of(configuration: Configuration, host: str) -> Instance:
    """Return the item of acr-registry-info that names a host among its domains, else the first; a bare one of none."""
    items = configuration.instances
    return next((item for item in items if host and host in item.domains), items[0] if items else Instance())


def bearer_of(pods: Iterable[Any], namespace: str, name: str) -> tuple[str, str] | None:
    """Return name and uid of a pod, out of a PodList's items, that runs (or is to run) as a ServiceAccount."""
    for pod in pods:
        match pod:
            case {
                "metadata": {"name": str(pod_name), "namespace": str(found), "uid": str(uid)} as metadata,
                "spec": {"serviceAccountName": str(account)},
            } if (found, account) == (namespace, name):
                status = pod.get("status") or {}
                if status.get("phase") not in _ENDED and not metadata.get("deletionTimestamp"):
                    return pod_name, uid
    return None


def token_request(pod_name: str, uid: str) -> dict[str, Any]:
    """Return the body of a TokenRequest as the kubelet makes it: for the audience, bound to a pod; 10 minutes long."""
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod_name, "uid": uid}
    specification = {"audiences": [AUDIENCE], "expirationSeconds": 600, "boundObjectRef": bound}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": specification}


def text_at(value: object, *keys: str) -> str:
    """Return the text at the end of a way of keys; empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def missing_annotation(namespace: str, name: str, key: str, annotations: Mapping[str, Any]) -> str:
    """Return that a ServiceAccount with these annotations lacks one, and the command that writes it."""
    form = "acs:ram::ACCOUNT:role/NAME" if key == OWN_ANNOTATION else "NAME"
    message = f"no {key}: `kubectl -n {namespace} annotate serviceaccount {name} {key}={form}`"
    if key == OWN_ANNOTATION and ACK_ANNOTATION in annotations:
        message += f". Its {ACK_ANNOTATION} counts with service-account-annotation: ack alone"
    return message


def unsigned_claims(namespace: str, name: str, issuer: str) -> Claims:
    """Return what a token of a ServiceAccount would say, for what can be told without one."""
    return Claims(namespace, name, "", issuer, (AUDIENCE,), 0.0)


def attribute_differences(found: TokenAttributes | None, wanted: TokenAttributes | None) -> str:
    """Return how tokenAttributes of the provider file differ from those wanted; empty where they do not."""
    if found == wanted:
        return ""
    if wanted is None:
        return "it has tokenAttributes, which this configuration does not want"
    if found is None:
        return "it has no tokenAttributes"
    pairs = zip(asdict(found).items(), asdict(wanted).values(), strict=True)
    return "; ".join(
        f"{_key(name)} is {_shown(has)}, wanted: {_shown(want)}" for (name, has), want in pairs if has != want
    )


def _key(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value) or "none"
