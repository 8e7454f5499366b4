"""A node's config.yaml, and the mounted ConfigMap that it follows."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from provider.agent.configuration import Checks, Outcome, put_configuration
from provider.agent.node_config_file import ConfigFile
from provider.config.load import load
from provider.places import Places
from tests.unit.kubelet_volume import Volume

GOOD = {"watch-namespace": "default,team-a", "acr-registry-info": "- instanceId: cri-a\n  regionId: cn-hangzhou\n"}
OTHER = {"watch-namespace": "all"}
WRONG = {"expiring-threshold": "soon", "watch-namespaces": "all", "token-mode": "none", "rrsa": "enable: ["}
PERSONS = b"# by hand\nwatch-namespace: team-b\n"


@dataclass
class Node:
    folder: Path
    checks: Checks = field(default_factory=Checks)
    token_mode: str = ""

    def __post_init__(self) -> None:
        self.volume = Volume(self.folder / "mnt")
        self.config = self.folder / "etc/config.yaml"
        options = {"--config": str(self.config), "--local": "", "--state-dir": "", "--data-dir": ""}
        self.places = Places(options)
        self.own = ConfigFile(self.places.config)

    def write(self, content: bytes, mode: int = 0o640) -> None:
        self.config.parent.mkdir(exist_ok=True)
        self.config.unlink(missing_ok=True)
        self.config.write_bytes(content)
        self.config.chmod(mode)

    def put(self, data: dict[str, str] | None = None) -> Outcome:
        if data is not None:
            self.volume.put(data)
        return put_configuration(str(self.volume.folder), self.own, self.token_mode, self.checks)

    def namespaces(self) -> tuple[str, ...] | None:
        """What the program makes of the file; as it is without one, None."""
        return load(self.places.config, "/nowhere").configuration.watch_namespaces if self.config.exists() else None

    def names(self) -> list[str]:
        return sorted(os.listdir(self.config.parent)) if self.config.parent.exists() else []

    def stat(self) -> tuple[int, int, int]:
        found = self.config.stat()
        return found.st_ino, found.st_ctime_ns, found.st_size
