"""The two ways for whole node pools, as docs/node.md gives them: a script of user data, and the image of a node."""

import os
import re
from pathlib import Path

import pytest

from provider.places import PROGRAM
from provider.version import VERSION
from tests.e2e.conftest import NewNode
from tests.e2e.layouts import ACK_ARGUMENTS as ARGUMENTS
from tests.e2e.node import Node
from tests.e2e.parts import ROOT, Parts
from tests.e2e.pods import PRIVATE
from tests.e2e.site import Site

DOCUMENT = (ROOT / "docs/node.md").read_text()


def snippet(name: str) -> str:
    """The code block of that name."""
    found = re.search(rf"^```sh {name}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize("arguments", ["", 'KUBELET_CUSTOMIZED_ARGS="--node-labels=pool=a"\n'], ids=["new", "there"])
def test_user_data(new_node: NewNode, arguments: str) -> None:
    script = snippet("user-data")
    assert f"> {ARGUMENTS}" in script
    # What fetches the archive here; the rest is the document's.
    script, fetched = re.subn(r"curl [^\n|]*\|", f"tar -c -C /srv {VERSION} | gzip |", script)
    assert fetched == 1
    node = new_node()
    if arguments:
        node.put(ARGUMENTS, arguments)
        node.run("systemctl restart kubelet.service")
        node.wait_healthy()
    node.put("/run/user-data", script)
    node.run("sh /run/user-data")
    node.runs("enterprise", PRIVATE["enterprise"])
    assert node.status()["ok"]
    assert ("--node-labels=pool=a" in node.run(f"cat {ARGUMENTS}")) == bool(arguments)
    assert node.run("ls -d /var/tmp/install.* 2>/dev/null || true") == ""
    # A node of the pool that is set up again.
    node.run("sh /run/user-data")
    assert node.status()["ok"]


def test_an_image(parts: Parts, site: Site, tmp_path: Path) -> None:
    folder = re.escape("./aliyun-acr-credential-provider-VERSION-linux-ARCH/")
    script, named = re.subn(folder, f"/srv/{VERSION}/", snippet("image"))
    assert named == 1
    # Control groups are called after the folder.
    with Node(parts, site, tmp_path / f"{os.getpid()}-image") as node:
        node.run(f"mkdir -p /mnt/image\nmount --bind / /mnt/image\n{script}")
        node.boot()
        node.wait_healthy()
        node.runs("enterprise", PRIVATE["enterprise"])
        status = node.status
        node.wait(lambda: status()["change"] == "", 150, "the first start to be found good")
        assert status()["ok"]


def test_an_image_that_the_kubelet_does_not_accept(parts: Parts, site: Site, tmp_path: Path) -> None:
    with Node(parts, site, tmp_path / f"{os.getpid()}-refused") as node:
        node.run(f"mkdir -p /mnt/image\nmount --bind / /mnt/image\n/srv/{VERSION}/install.sh --root /mnt/image")
        # Not repaired, so that it must be undone.
        node.run(f"rm /etc/systemd/system/timers.target.wants/{PROGRAM}-repair.timer")
        node.run("sed -i 's/matchImages/matches/' /etc/aliyun-acr-credential-provider/CredentialProviderConfig.yaml")
        node.boot()
        node.wait_healthy()
        assert "--image-credential-provider-config" not in node.run(f"cat {ARGUMENTS} 2>/dev/null || true")
