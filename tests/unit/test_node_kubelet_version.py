import pytest

from provider.node.kubelet_version import Version, parse


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Kubernetes v1.34.4", (1, 34, 4)),
        ("Kubernetes v1.34.4\n", (1, 34, 4)),
        ("v1.30.4+k3s1", (1, 30, 4)),
        ("k3s version v1.30.4+k3s1 (98262b5d)\ngo version go1.22.5", (1, 30, 4)),
        ("rke2 version v1.31.1+rke2r1 (909d20d)\ngo version go1.22.6 X:boringcrypto", (1, 31, 1)),
        ("Kubernetes v1.26.3-aliyun.1", (1, 26, 3)),
        ("Kubernetes v1.29.0-eks-5e0fdde", (1, 29, 0)),
        ("v1.34.0-rc.1", (1, 34, 0)),
        ("1.24.17", (1, 24, 17)),
    ],
)
def test_the_version_is_found(text: str, version: tuple[int, int, int]) -> None:
    assert parse(text) == version


@pytest.mark.parametrize(
    "text", ["", "go version go1.22.5", "Kubernetes v1.34", "10.1.2.3", "v01.2.3", "flag provided but not defined"]
)
def test_what_is_no_version(text: str) -> None:
    assert parse(text) is None


def test_order_is_that_of_releases() -> None:
    assert Version(1, 9, 0) < Version(1, 34, 4) < Version(1, 34, 10) < Version(2, 0, 0)


def test_it_is_written_as_people_do() -> None:
    assert f"kubelet {Version(1, 34, 4)}" == "kubelet 1.34.4"
