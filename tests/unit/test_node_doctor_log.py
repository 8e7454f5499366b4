"""What the kubelet's lines mean; each is of a real kubelet, of the version that is named."""

import pytest

from provider.node.kubelet_log import LONGEST, explained, lines_about_us

HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"
FAILED = (
    "Failed getting credential from external registry credential provider: error execing credential provider plugin"
)
OURS = f"{FAILED} aliyun-acr-credential-provider for image {HOST}/team/app"

LINES = {
    "refused (1.34)": (
        f"E1124 02:38:11.000001    4711 plugin.go:520] {OURS}: exit status 1: aliyun-acr-credential-provider: "
        "GetAuthorizationToken of instance cri-x was refused: no such file or directory",
        "we refused",
        False,
    ),
    "a stand-in (1.34)": (
        f"E1124 02:38:11.000001 4711 plugin.go:520] {OURS}: exit status 1: aliyun-acr-credential-provider is missing "
        "or does not run on this node: install it again",
        "stand-in",
        True,
    ),
    "a damaged bundle (1.37)": (
        f"E1124 02:38:11.000001 4711 plugin.go:520] {OURS}: fork/exec /opt/x/bin/aliyun-acr-credential-provider: exec "
        "format error: ",
        "could not run the program",
        True,
    ),
    "too slow (1.33)": (f"E1124 plugin.go:520] {OURS}: context deadline exceeded: ", "after a minute", False),
    "killed (1.33)": (f"E1124 plugin.go:520] {OURS}: signal: killed: ", "want of memory", False),
    "no executable (1.34)": (
        'E1124 02:38:11.000001 4711 kuberuntime_manager.go:298] "Failed to register CRI auth plugins" err="plugin '
        'binary executable /opt/x/bin/aliyun-acr-credential-provider did not exist"',
        "did not start",
        True,
    ),
    "another program there (1.32)": (
        "E1124 plugin.go:300] Failed getting credential from external registry credential provider: error decoding "
        "credential provider plugin response from stdout",
        "does not understand the answer",
        True,
    ),
    "no token for the pod (1.34)": (
        'E1124 plugin.go:455] Error getting service account token team-a/app: credential provider: forbidden',
        "request-serviceaccounts-token-audience",
        False,
    ),
    "registered (1.34, -v=4)": (
        'I1124 plugins.go:55] Registered credential provider "aliyun-acr-credential-provider"',
        "nothing that is wrong",
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "words", "is_fault"), LINES.values(), ids=LINES.keys())
def test_a_line_is_explained(line: str, words: str, is_fault: bool) -> None:
    [found] = lines_about_us([line])
    meaning, fault = explained(found, "")
    assert words in meaning
    assert fault is is_fault


def test_a_refusal_is_a_fault_of_the_host_that_is_asked_about_alone() -> None:
    line = LINES["refused (1.34)"][0]
    assert explained(line, HOST)[1]
    assert not explained(line, "beta-registry.cn-hangzhou.cr.aliyuncs.com")[1]
    assert not explained(line, "alpha-registry.cn-hangzhou.cr")[1]


OTHERS = [
    "I1124 02:38:11.000001 4711 kubelet.go:1] Started kubelet",
    f"E1124 plugin.go:520] {FAILED} ecr-credential-provider for image 1.dkr.ecr.x.amazonaws.com/a: exit status 1: no",
    'err="plugin binary executable /opt/x/bin/ecr-credential-provider did not exist"',
]


@pytest.mark.parametrize("line", OTHERS)
def test_what_is_about_others_is_left_out(line: str) -> None:
    assert lines_about_us([line]) == []


def test_long_lines_are_cut() -> None:
    [line] = lines_about_us([f"aliyun-acr-credential-provider: {'x' * 999}"])
    assert len(line) == LONGEST + 1
