"""Upgrade and downgrade while pulls go on, and an uninstall that leaves the files as they were."""

import json

from provider.kubelet import GROUP
from provider.places import PROGRAM
from provider.version import VERSION
from tests.e2e.conftest import NewNode
from tests.e2e.parts import NEXT
from tests.e2e.pods import ENTERPRISE, PRIVATE
from tests.e2e.tree import differences

REQUEST = json.dumps(
    {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": f"{ENTERPRISE}/team/app"}
)
# As the kubelet runs it, each time with nothing ready: everything of the bundle is read, at any moment of the change.
PULLS = f"""
cd /run
while ! [ -e /run/enough ]; do
    rm -f /run/{PROGRAM}/answers/{ENTERPRISE}.json
    if echo '{REQUEST}' | /opt/{PROGRAM}/bin/{PROGRAM} >/run/answer 2>/run/error; then
        grep -q '"password"' /run/answer && echo good || echo empty
    else
        echo "failed: $(cat /run/error)"
    fi
done
"""


def test_up_and_down_while_pulls_go_on(new_node: NewNode) -> None:
    node = new_node()
    before = node.tree()
    node.install()
    assert node.program("version").stdout == f"{PROGRAM} {VERSION}\n"
    first = node.tree()
    started = node.kubelet_started()
    node.put("/run/pulls.sh", PULLS)
    node.run("nohup sh /run/pulls.sh >/run/pulls.log 2>&1 &")
    pods = iter(PRIVATE.items())
    node.pod(*next(pods))
    node.install(version=NEXT)
    assert node.program("version").stdout == f"{PROGRAM} {NEXT}\n"
    node.pod(*next(pods))
    node.pod(*next(pods))
    assert node.kubelet_started() == started
    node.install(version=VERSION)
    assert node.program("version").stdout == f"{PROGRAM} {VERSION}\n"
    node.pod(*next(pods))
    for name in list(PRIVATE)[:4]:
        node.wait_running(name)
    node.run("touch /run/enough")
    results = node.run("cat /run/pulls.log").split("\n")[:-1]
    assert len(results) > 10
    assert set(results) == {"good"}
    assert "Failed to pull image" not in node.journal()
    assert node.kubelet_started() == started
    after = node.tree()
    # The other version stays, to go back to.
    assert all(after[path] == what for path, what in first.items() if not path.startswith(f"var/lib/{PROGRAM}/node"))
    # Identities are the agent's, and credentials all the same.
    node.identity("rrsa-token", "a token")
    assert ENTERPRISE in node.run(f"ls /run/{PROGRAM}/answers")
    node.run(f"/opt/{PROGRAM}/bin/{PROGRAM} uninstall")
    node.wait_healthy()
    assert node.attempt(f"ls -d /run/{PROGRAM}").stdout == ""
    assert differences(before, node.tree()) == []
