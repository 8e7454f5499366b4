"""What stands in environments and homes, and leads the SDKs astray."""

import json
from pathlib import Path

COMMAND_WAS_RUN = "command-was-run"

FILES = {
    ".aliyun/config.json": json.dumps(
        {
            "current": "default",
            "profiles": [
                {
                    "name": "default",
                    "mode": "External",
                    "process_command": f"touch HOME/{COMMAND_WAS_RUN}",
                    "region_id": "cn-poison",
                }
            ],
        }
    ),
    ".alibabacloud/credentials.ini": (
        "[default]\nenable = true\ntype = access_key\naccess_key_id = poison\naccess_key_secret = poison\n"
    ),
    ".netrc": "default login poison password poison\n",
    "sitecustomize.py": f"open('HOME/{COMMAND_WAS_RUN}', 'w').close()\n",
}
"""Files in HOME; the word HOME in them is replaced by its path."""


def home(directory: Path) -> Path:
    """Make a home full of traps."""
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("HOME", str(directory)))
    return directory


def environment(home: Path, trap_url: str) -> dict[str, str]:
    """Every variable that the SDKs and their libraries read, and some that their relatives do."""
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "poison",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "poison",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "poison",
        "ALIBABA_CLOUD_CREDENTIALS_FILE": str(home / ".alibabacloud/credentials.ini"),
        "ALIBABA_CLOUD_CREDENTIALS_URI": trap_url,
        "ALIBABA_CLOUD_PROFILE": "default",
        "ALIBABA_CLOUD_CONFIG_FILE": str(home / ".aliyun/config.json"),
        "ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "false",
        "ALIBABA_CLOUD_ECS_METADATA": "poison-role",
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        "ALIBABA_CLOUD_IMDSV1_DISABLED": "true",
        "ALIBABA_CLOUD_IMDSV1_DISABLE": "true",
        "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1111111111111111:role/poison",
        "ALIBABA_CLOUD_ROLE_SESSION_NAME": "poison",
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1111111111111111:oidc-provider/poison",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(home / ".netrc"),
        "ALIBABA_CLOUD_STS_REGION": "cn-poison",
        "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true",
        "ALIBABA_CLOUD_USER_AGENT": "poison",
        "ALIBABA_CLOUD_REGION_ID": "cn-poison",
        "ALIBABACLOUD_ACCESS_KEY_ID": "poison",
        "ALIYUN_ACCESS_KEY_ID": "poison",
        "DEBUG": "sdk",
        "HOME": str(home),
        "HOMEPATH": str(home),
        "NETRC": str(home / ".netrc"),
        "REQUESTS_CA_BUNDLE": "/nonexistent.pem",
        "CURL_CA_BUNDLE": "/nonexistent.pem",
        "SSLKEYLOGFILE": str(home / "keys.log"),
        "HTTP_PROXY": trap_url,
        "http_proxy": trap_url,
        "ALL_PROXY": trap_url,
        "all_proxy": trap_url,
        "PYTHONPATH": str(home),
    }
