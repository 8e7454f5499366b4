"""A provider file that the kubelet does not like: rolled back, the node healthy, the reason said."""

import json

import pytest

from provider.places import PROGRAM
from provider.version import VERSION
from tests.e2e.conftest import NewNode
from tests.e2e.layouts import ACK, JOINED_FILE, JOINED_FOLDER, OTHER_PLACE, Layout
from tests.e2e.pods import PRIVATE, PUBLIC_IMAGES
from tests.e2e.tree import differences

OWN_FILE = f"/etc/{PROGRAM}/CredentialProviderConfig.yaml"
INSTALL = f"/srv/{VERSION}/install.sh"
# Whoever it is that does this, at the worst moment: when the file has just been put there.
SPOILER = """
nohup sh -c 'until grep -qs "aliyun-acr-credential-provider" {file}; do :; done; {spoil}' >/dev/null 2>&1 &
echo $!
"""
# The bundle stays for the next try, and the folder that keeps two from trying at once.
KEPT = (f"opt/{PROGRAM}", f"var/lib/{PROGRAM}")
NEIGHBOUR = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfiguration\nproviders: []\n"


@pytest.mark.parametrize(
    ("layout", "file"),
    [(ACK, OWN_FILE), (JOINED_FILE, f"{OTHER_PLACE}.yaml"), (JOINED_FOLDER, f"{OTHER_PLACE}/{PROGRAM}.yaml")],
    ids=["ours", "joined file", "joined folder"],
)
def test_spoilt_before_the_kubelet_reads_it(new_node: NewNode, layout: Layout, file: str) -> None:
    node = new_node(layout)
    before = node.tree()
    node.run(SPOILER.format(file=file, spoil=f'echo "kind: Nonsense" >{file}'))
    done = node.attempt(INSTALL)
    assert done.returncode == 1, done.stderr
    # What the kubelet itself said.
    assert "Nonsense" in done.stderr
    assert "everything is as it was, and the kubelet is well" in done.stderr
    node.wait_healthy(30)
    after = node.tree()
    after_install = {
        path for path in after.keys() ^ before.keys() if not path.startswith((f"opt/{PROGRAM}", "var/lib"))
    }
    assert not after_install
    assert all(after[path] == what for path, what in before.items())
    node.runs("public", PUBLIC_IMAGES["another-registry"])
    # And again, with nobody in the way.
    node.install()
    node.runs("private", PRIVATE["enterprise"])


@pytest.mark.parametrize(
    ("layout", "file"),
    [(JOINED_FILE, f"{OTHER_PLACE}.yaml"), (JOINED_FOLDER, f"{OTHER_PLACE}/20-faulty.yaml")],
    ids=["file", "folder"],
)
def test_a_faulty_neighbour_is_named_and_nothing_touched(new_node: NewNode, layout: Layout, file: str) -> None:
    node = new_node(layout)
    # The kubelet has not read this; its next start would be its last.
    node.put(file, NEIGHBOUR)
    before, started = node.tree(), node.kubelet_started()
    done = node.attempt(INSTALL)
    assert done.returncode == 1, done.stderr
    assert file in done.stderr
    assert differences(before, node.tree(), KEPT) == []
    assert node.kubelet_started() == started


# What is done to the node, and what `status` must find wrong then.
SPOILT = (
    (f": >{OWN_FILE}", "provider file"),
    (f"rm {OWN_FILE}", "provider file"),
    (f"rm -r /opt/{PROGRAM}/{VERSION}", "program"),
    (f"truncate --size=100000 /opt/{PROGRAM}/{VERSION}/{PROGRAM}", "program"),
    (f"rm -r /opt/{PROGRAM}", "program"),
    ("rm /etc/kubernetes/kubelet-customized-args.conf", "flags"),
    ("echo 'KUBELET_CUSTOMIZED_ARGS=\"--v=1\"' >/etc/kubernetes/kubelet-customized-args.conf", "flags"),
)


def test_spoilt_later(new_node: NewNode) -> None:
    """Cleaned disks, half-written files, platforms that write theirs anew: the kubelet starts, and status says why."""
    node = new_node()
    node.install()
    node.runs("private", PRIVATE["enterprise"])
    for spoil, subject in SPOILT:
        node.run(f"{spoil}; systemctl kill --signal=KILL kubelet.service")
        node.wait_healthy(60)
        # Not the program of this node, which may be gone.
        done = node.attempt(f"exec /srv/{VERSION}/status.sh --json")
        assert done.returncode == 1, (spoil, done)
        told = json.loads(done.stdout)
        assert not told["ok"], spoil
        assert subject in {line["subject"] for line in told["lines"] if line["state"] == "wrong"}, (spoil, told)
        node.install()
        node.wait_healthy(60)
        assert node.status()["ok"], spoil
