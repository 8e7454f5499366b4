"""Whether the kubelet is to hand us tokens and annotations of pods' ServiceAccounts, and whether it can.

With tokenAttributes in our entry a kubelet that gets no token does not run us at all, for any pod that has a
ServiceAccount, and one that does not know them does not start: so they are there only where both are seen to work.
"""

from provider.config.values import Configuration
from provider.errors import ProviderError
from provider.node.detect import k3s
from provider.node.detect.found import Found
from provider.node.detect.kubelet_flags import is_gate_off
from provider.node.files import Tree
from provider.node.kube_api import ApiError, may_request_tokens, open_api
from provider.node.provider_file.entry import TokenAttributes
from provider.node.provider_file.versions import TOKENS
from provider.pods import needed_by
from provider.service_account import AUDIENCE, annotation_key

GATE = "KubeletServiceAccountTokenForCredentialProviders"
ROLE = "aliyun-acr-credential-provider-kubelet-audience"
MANIFEST = "packaging/manifests/kubelet-audience-rbac.yaml"
"""The ClusterRole, and the binding of the same name, with which nodes may request tokens for the audience."""
FORBIDDEN = f"this node may not request tokens for {AUDIENCE}: apply ClusterRole {ROLE} and its binding"


def wanted(configuration: Configuration) -> TokenAttributes | None:
    """Return what the configuration needs of the kubelet; None: nothing."""
    key = annotation_key(configuration.service_account_annotation)
    match configuration.service_account_roles:
        case "required":
            return TokenAttributes(AUDIENCE, True, "ServiceAccount", (key,))
        case "optional":
            # Static pods have no ServiceAccount.
            return TokenAttributes(AUDIENCE, False, "ServiceAccount", (), (key,))
    if configuration.scope == "configured":
        return TokenAttributes(AUDIENCE, False, "ServiceAccount")
    return None


def consequence(configuration: Configuration) -> str:
    """Return what it means that the kubelet hands over no tokens."""
    needs = needed_by(configuration)
    if needs:
        return f"until then nothing is pulled with us ({needs})"
    return "until then all pods pull with the node's identity"


def obstacle(tree: Tree, found: Found) -> str:
    """Return why a kubelet would not start with tokenAttributes, and the way out; empty where it would."""
    if found.version is None or found.version < TOKENS:
        told = found.version or "of a version that it does not tell"
        return f"kubelet {told} does not know them: upgrade it to {TOKENS} or newer"
    is_part = found.system in k3s.PROGRAMS
    arguments = k3s.kubelet_arguments(found.command_line) if is_part else found.command_line
    if is_gate_off(tree, arguments, GATE):
        return f"the kubelet's feature gate {GATE} is switched off (itself, or by AllBeta): switch it on"
    return ""


def hindrance(tree: Tree, found: Found, *, had: bool) -> str:
    """Return why tokenAttributes are not to be set on this node, and the way out; empty where they are. Asks for it.

    `had`: whether they were set before. Then an API server that does not answer takes nothing away: it said yes once.
    """
    if reason := obstacle(tree, found):
        return reason
    if tree.root:
        return "an image cannot ask the API server whether its node may request tokens: start the node"
    if not found.kubeconfig:
        return "the kubelet names no kubeconfig, so it has no API server to get tokens from: give it one"
    try:
        if may_request_tokens(open_api(tree, found.kubeconfig)):
            return ""
    except ProviderError as error:
        is_away = isinstance(error, ApiError) and (error.status == 0 or error.status >= 500)
        return "" if had and is_away else f"whether this node may request tokens is not known: {error}: mend that"
    return f"{FORBIDDEN} ({MANIFEST})"
