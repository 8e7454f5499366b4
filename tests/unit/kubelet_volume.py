"""A folder as the kubelet mounts a ConfigMap or Secret: files are links through `..data`, swapped by a rename."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class Volume:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        folder.mkdir(parents=True)
        self.put({})

    def put(self, data: Mapping[str, str | bytes]) -> None:
        """Change the object; with no key, it is gone."""
        self._count += 1
        name = f"..2026_11_25_00_00_00.{self._count:09}"
        (self.folder / name).mkdir()
        for key, value in data.items():
            (self.folder / name / key).write_bytes(value.encode() if isinstance(value, str) else value)
        old = os.readlink(self.folder / "..data") if (self.folder / "..data").is_symlink() else ""
        (self.folder / "..data_tmp").symlink_to(name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        for key in data:
            if not (self.folder / key).is_symlink():
                (self.folder / key).symlink_to(f"..data/{key}")
        for link in self.folder.iterdir():
            if not link.name.startswith("..") and link.name not in data:
                link.unlink()
        if old:
            shutil.rmtree(self.folder / old)
