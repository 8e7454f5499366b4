"""Images of every kind, as pods name them."""

from tests.cloud.default_world import CUSTOM_DOMAIN
from tests.e2e.images import PUBLIC
from tests.e2e.layouts import LOCAL_REGISTRY

ENTERPRISE = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"
ENTERPRISE_VPC = "alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
PERSONAL = "registry.cn-hangzhou.aliyuncs.com"
PRIVATE = {
    "enterprise": f"{ENTERPRISE}/team/app:v1",
    "enterprise-vpc": f"{ENTERPRISE_VPC}/team-a/app:v1",
    "enterprise-elsewhere": "gamma-registry.cn-shanghai.cr.aliyuncs.com/team/app:v1",
    "personal": f"{PERSONAL}/mine/app:v1",
    "personal-vpc": "registry-vpc.cn-hangzhou.aliyuncs.com/mine/app:v1",
    "custom-domain": f"{CUSTOM_DOMAIN}/team-b/app:v1",
}
"""Pods whose images nobody gets without credentials, one for each kind of host name."""

PUBLIC_IMAGES = {
    "another-registry": f"{LOCAL_REGISTRY}/{PUBLIC}:v1",
    "ack": f"{PERSONAL}/acs/pause:v1",
    "public-enterprise": f"{ENTERPRISE}/open/tool:v1",
}
"""Pods whose images everybody gets."""

PARTNER = "partner-registry.cn-hangzhou.cr.aliyuncs.com/shared/app:v1"
"""Another account's image."""
