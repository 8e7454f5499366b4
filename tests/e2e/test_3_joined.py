"""A kubelet that has credential providers already: theirs go on, ours comes along."""

import pytest

from provider.places import PROGRAM
from tests.e2e.conftest import NewNode
from tests.e2e.layouts import (
    ACK_ARGUMENTS,
    JOINED_FILE,
    JOINED_FOLDER,
    JOINED_JSON,
    OTHER_FILE,
    OTHER_LOG,
    OTHER_PLACE,
    Layout,
)
from tests.e2e.pods import PRIVATE, PUBLIC_IMAGES
from tests.e2e.tree import differences

MODES = [(JOINED_FILE, "joined-file"), (JOINED_JSON, "joined-file"), (JOINED_FOLDER, "joined-directory")]


@pytest.mark.parametrize(("layout", "mode"), MODES, ids=[layout.name for layout, _ in MODES])
def test_both_are_asked(new_node: NewNode, layout: Layout, mode: str) -> None:
    node = new_node(layout)
    node.runs("before", PUBLIC_IMAGES["another-registry"])
    before = node.tree()
    said = node.install()
    assert "the kubelet is well" in said
    assert node.status()["installed"]["mode"] == mode
    # Nobody's flags were touched.
    assert (
        node.tree()["etc/kubernetes/kubelet-customized-args.conf"]
        == (before["etc/kubernetes/kubelet-customized-args.conf"])
    )
    node.run(f"rm {OTHER_LOG}")
    node.runs("ours", PRIVATE["enterprise"])
    node.runs("personal", PRIVATE["personal"])
    node.runs("theirs", "localhost:5000/public/tool:v1")
    asked = node.run(f"cat {OTHER_LOG}")
    assert '"image":"localhost:5000/public/tool"' in asked
    assert '"image":"alpha-registry.cn-hangzhou.cr.aliyuncs.com/team/app"' in asked
    assert "registry.cn-hangzhou.aliyuncs.com" not in asked
    # Again: nothing changes, nothing is restarted.
    once, started = node.tree(), node.kubelet_started()
    assert "was installed already" in node.install()
    assert (node.tree(), node.kubelet_started()) == (once, started)
    node.run(f"/opt/{PROGRAM}/bin/{PROGRAM} uninstall")
    node.wait_healthy()
    assert differences(before, node.tree()) == []
    node.run(f"rm {OTHER_LOG}")
    node.runs("after", "localhost:5000/public/tool:v1")
    assert "localhost:5000" in node.run(f"cat {OTHER_LOG}")


def test_what_they_changed_since_stays(new_node: NewNode) -> None:
    node = new_node(JOINED_FILE)
    node.install()
    theirs = OTHER_FILE.replace("answers for everything", "answers for much").replace("5000", "5001")
    node.run(f"sed -i 's/answers for everything/answers for much/; s/:5000/:5001/' {OTHER_PLACE}.yaml")
    node.run(f"sed -i 's/a=b/a=c/' {ACK_ARGUMENTS}")
    arguments = node.run(f"cat {ACK_ARGUMENTS}")
    node.run(f"/opt/{PROGRAM}/bin/{PROGRAM} uninstall")
    node.wait_healthy()
    assert node.run(f"cat {OTHER_PLACE}.yaml") == theirs
    assert node.run(f"cat {ACK_ARGUMENTS}") == arguments
