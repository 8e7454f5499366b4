"""The few fields that `--cluster` reads of what the API server sends; all else is skipped while it is decoded."""

from lightkube.core.resource import ApiInfo, GlobalResource, NamespacedResourceG, ResourceDef
from msgspec import Struct, field

from provider.secrets.wire import Reference


def _api(group: str, kind: str, plural: str) -> ApiInfo:
    return ApiInfo(resource=ResourceDef(group, "v1", kind), plural=plural, verbs=["get", "global_list", "list"])


class Owner(Struct):
    """Who made an object."""

    kind: str = ""


class Managed(Struct):
    """Who wrote an object, and when, in RFC 3339."""

    manager: str = ""
    time: str = ""


class ObjectMetadata(Struct, rename="camel"):
    """What every object has."""

    name: str = ""
    namespace: str = ""
    creation_timestamp: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    owner_references: list[Owner] = field(default_factory=list)
    managed_fields: list[Managed] = field(default_factory=list)


class Container(Struct):
    """Of a pod."""

    image: str = ""


class PodSpec(Struct, rename="camel"):
    """Of a pod, or of those that a workload makes."""

    service_account_name: str = ""
    image_pull_secrets: list[Reference] | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class PodObject(NamespacedResourceG, Struct):
    """A pod."""

    metadata: ObjectMetadata
    spec: PodSpec
    _api_info = _api("", "Pod", "pods")


class Template(Struct):
    """What a workload makes pods of."""

    spec: PodSpec = field(default_factory=PodSpec)


class WorkloadSpec(Struct):
    """What is wanted of a workload."""

    template: Template = field(default_factory=Template)
    replicas: int = 1


class WorkloadStatus(Struct, rename="camel"):
    """What there is of it."""

    ready_replicas: int = 0


class DeploymentObject(NamespacedResourceG, Struct):
    """A Deployment."""

    metadata: ObjectMetadata
    spec: WorkloadSpec
    status: WorkloadStatus = field(default_factory=WorkloadStatus)
    _api_info = _api("apps", "Deployment", "deployments")


class StatefulSetObject(NamespacedResourceG, Struct):
    """A StatefulSet."""

    metadata: ObjectMetadata
    spec: WorkloadSpec
    _api_info = _api("apps", "StatefulSet", "statefulsets")


class DaemonSetObject(NamespacedResourceG, Struct):
    """A DaemonSet."""

    metadata: ObjectMetadata
    spec: WorkloadSpec
    _api_info = _api("apps", "DaemonSet", "daemonsets")


class JobTemplate(Struct):
    """What a CronJob makes Jobs of."""

    spec: WorkloadSpec = field(default_factory=WorkloadSpec)


class CronJobSpec(Struct, rename="camel"):
    """What is wanted of a CronJob."""

    job_template: JobTemplate = field(default_factory=JobTemplate)


class CronJobObject(NamespacedResourceG, Struct):
    """A CronJob."""

    metadata: ObjectMetadata
    spec: CronJobSpec
    _api_info = _api("batch", "CronJob", "cronjobs")


class Taint(Struct):
    """Of a node."""

    key: str = ""


class NodeSpec(Struct):
    """What is wanted of a node."""

    taints: list[Taint] = field(default_factory=list)


class NodeInfo(Struct, rename="camel"):
    """What a kubelet says of itself."""

    kubelet_version: str = ""
    operating_system: str = ""


class NodeStatus(Struct, rename="camel"):
    """What a kubelet says."""

    node_info: NodeInfo = field(default_factory=NodeInfo)


class NodeObject(GlobalResource, Struct):
    """A node."""

    metadata: ObjectMetadata
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)
    _api_info = _api("", "Node", "nodes")

    @property
    def is_virtual(self) -> bool:
        """Tell whether it is no machine: its pods are billed one by one, and no kubelet of ours can be there."""
        labels = self.metadata.labels
        return (
            labels.get("type") == "virtual-kubelet"
            or labels.get("alibabacloud.com/virtual-node") == "true"
            or any(taint.key.startswith("virtual-kubelet.io/") for taint in self.spec.taints)
        )


class ConfigMapObject(NamespacedResourceG, Struct):
    """A ConfigMap."""

    metadata: ObjectMetadata
    data: dict[str, str] | None = None
    _api_info = _api("", "ConfigMap", "configmaps")


class EventObject(NamespacedResourceG, Struct, rename="camel"):
    """An Event: what was said, and when last, in RFC 3339."""

    metadata: ObjectMetadata
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None
    _api_info = _api("", "Event", "events")


class NamespaceMade(GlobalResource, Struct):
    """A Namespace: when it was made."""

    metadata: ObjectMetadata
    _api_info = _api("", "Namespace", "namespaces")


class SecretThere(NamespacedResourceG, Struct):
    """That a Secret is there, and who wrote it; nothing of what is in it."""

    metadata: ObjectMetadata
    _api_info = _api("", "Secret", "secrets")
