"""Host names that are other people's registries: a password of ACR must never be sent there.

A list cannot be complete. It holds what users write into `domains` by mistake: the registries they also pull from.
"""

from provider.registries import PasswordOnlyHost, classify

_DOMAINS = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "baidubce.com",
    "cloudsmith.io",
    "codeberg.org",
    "cr.yandex",
    "daocloud.io",
    "docker.com",
    "docker.elastic.co",
    "docker.io",
    "ecr.aws",
    "fedoraproject.org",
    "gcr.io",
    "ghcr.io",
    "github.com",
    "gitlab.com",
    "icr.io",
    "ivolces.com",
    "jfrog.io",
    "k8s.io",
    "lscr.io",
    "microsoft.com",
    "myhuaweicloud.com",
    "nvcr.io",
    "ocir.io",
    "oracle.com",
    "pkg.dev",
    "quay.io",
    "rancher.com",
    "redhat.com",
    "redhat.io",
    "registry.digitalocean.com",
    "suse.com",
    "tencentcloudcr.com",
    "tencentyun.com",
    "volces.com",
)
"""These names and all names below them."""


def why_refused(name: str) -> str:
    """Return why the password of an ACR instance must not go to `name` (lower case, no port); empty if it may."""
    if any(name == domain or name.endswith(f".{domain}") for domain in _DOMAINS):
        return "is another company's registry, where the password must not go"
    if not name.endswith(".aliyuncs.com"):
        return ""
    if isinstance(classify(name), PasswordOnlyHost) or name.endswith(".personal.cr.aliyuncs.com"):
        return (
            "is a Personal Edition instance created since 2024-09-09, for which there are no temporary credentials; "
            "use an imagePullSecret for it"
        )
    if classify(name) is None:
        return "is no registry of ACR: names under aliyuncs.com belong to many people"
    return ""
