import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider import kubelet
from provider.errors import RequestError

V1 = "credentialprovider.kubelet.k8s.io/v1"


def request(**fields: object) -> bytes:
    return json.dumps({"kind": "CredentialProviderRequest", "apiVersion": V1, **fields}).encode()


IMAGES = {
    "plain": ("a.cr.aliyuncs.com/team/app", ("a.cr.aliyuncs.com", "a.cr.aliyuncs.com", "", "team/app")),
    "tag": ("a.io/team/app:1.0", ("a.io", "a.io", "", "team/app")),
    "digest": ("a.io/app@sha256:" + "0" * 64, ("a.io", "a.io", "", "app")),
    "tag and digest": ("a.io/app:v1@sha256:" + "0" * 64, ("a.io", "a.io", "", "app")),
    "port": ("a.io:65002/team/app:1", ("a.io:65002", "a.io", "65002", "team/app")),
    "upper case": (
        "A-Registry.CN-Hangzhou.cr.aliyuncs.com/x",
        ("A-Registry.CN-Hangzhou.cr.aliyuncs.com", "a-registry.cn-hangzhou.cr.aliyuncs.com", "", "x"),
    ),
    "trailing dot": ("a.io./x", ("a.io.", "a.io", "", "x")),
    "Docker Hub": ("nginx", ("", "", "", "nginx")),
    "Docker Hub with a tag": ("nginx:1.27", ("", "", "", "nginx")),
    "Docker Hub user": ("team/app", ("", "", "", "team/app")),
}


@pytest.mark.parametrize(("image", "parts"), IMAGES.values(), ids=IMAGES.keys())
def test_image_is_split(image: str, parts: tuple[str, str, str, str]) -> None:
    assert kubelet.split_image(image) == parts


@pytest.mark.parametrize(
    "image",
    [
        "a.io/",
        "a.io:/x",
        "a.io:port/x",
        "a.io:123456/x",
        "a b.io/x",
        "../etc/x",
        "a..io/x",
        "a.io/x\n",
        ".a.io/x",
        "-a.io/x",
        "a.io/é",
        "é.io/x",
        "a_b.io/x",
        "a.io/" + "x" * 5000,
        "x" * 64 + ".io/a",
        "x." * 120 + "io/a",
        ":5000/x",
        "a.io/:tag",
    ],
)
def test_what_is_no_image_is_refused(image: str) -> None:
    with pytest.raises(RequestError):
        kubelet.split_image(image)


@given(st.text() | st.from_regex(r"[a-zA-Z0-9.:@/_-]{1,60}", fullmatch=True))
def test_any_text_is_an_image_or_refused(image: str) -> None:
    try:
        host, name, port, repository = kubelet.split_image(image)
    except RequestError:
        return
    assert image.startswith(host)
    assert repository
    assert repository in image
    assert "/" not in name + port
    assert name in ("", host.partition(":")[0].lower(), host.partition(":")[0].lower().removesuffix("."))


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
def test_every_version_is_answered_in_its_own_name(version: str) -> None:
    api_version = f"credentialprovider.kubelet.k8s.io/{version}"
    parsed = kubelet.parse_request(request(apiVersion=api_version, image="a.io/x"))
    response = json.loads(kubelet.render_response(parsed.api_version, "Registry", 60, parsed.host, "user", 'p"w'))
    assert response == {
        "kind": "CredentialProviderResponse",
        "apiVersion": api_version,
        "cacheKeyType": "Registry",
        "cacheDuration": "60s",
        "auth": {"a.io": {"username": "user", "password": 'p"w'}},
    }


def test_empty_answer_has_a_cache_key_type_and_an_object() -> None:
    response = json.loads(kubelet.render_response(V1, "Image", 0))
    assert response["auth"] == {}
    assert response["cacheKeyType"] == "Image"
    assert response["cacheDuration"] == "0s"


@pytest.mark.parametrize(("seconds", "expected"), [(-1, "0s"), (0, "0s"), (2700, "2700s"), (10**12, "86400s")])
def test_the_duration_is_one_that_the_kubelet_takes(seconds: int, expected: str) -> None:
    assert json.loads(kubelet.render_response(V1, "Registry", seconds))["cacheDuration"] == expected


def test_token_and_annotations_come_with_v1_alone() -> None:
    fields = {"image": "a.io/x", "serviceAccountToken": "token", "serviceAccountAnnotations": {"key": "value"}}
    parsed = kubelet.parse_request(request(**fields))
    assert (parsed.service_account_token, parsed.annotations) == ("token", {"key": "value"})
    older = kubelet.parse_request(request(**fields, apiVersion="credentialprovider.kubelet.k8s.io/v1beta1"))
    assert (older.service_account_token, older.annotations) == ("", {})


def test_fields_of_the_kubelet_of_next_year_are_ignored() -> None:
    assert kubelet.parse_request(request(image="a.io/x", newField={"a": [1, 2.5, None]})).name == "a.io"


WRONG = {
    "empty": (b"", "not JSON"),
    "not UTF-8": (b"\xff{}", "not JSON"),
    "cut": (request(image="a.io/x")[:-1], "not JSON"),
    "something behind": (request(image="a.io/x") + b"x", "not JSON"),
    "NaN": (b'{"kind": NaN}', "not JSON"),
    "deep": (b"[" * 200_000, "not JSON"),
    "a list": (b"[]", "not a JSON object"),
    "kind": (request(kind="Pod", image="a.io/x"), "kind"),
    "version": (request(apiVersion="v1", image="a.io/x"), "apiVersion"),
    "version of a wrong type": (request(apiVersion=["v1"], image="a.io/x"), "apiVersion"),
    "no image": (request(), "image"),
    "image of a wrong type": (request(image=5), "image"),
    "token of a wrong type": (request(image="a.io/x", serviceAccountToken=[1]), "serviceAccountToken"),
    "token that is false": (request(image="a.io/x", serviceAccountToken=False), "serviceAccountToken"),
    "annotations of a wrong type": (
        request(image="a.io/x", serviceAccountAnnotations=["a"]),
        "serviceAccountAnnotations",
    ),
    "annotation of a wrong type": (
        request(image="a.io/x", serviceAccountAnnotations={"a": 1}),
        "serviceAccountAnnotations",
    ),
    "too long": (b" " * (kubelet.MAXIMUM_REQUEST + 1), "longer"),
}


@pytest.mark.parametrize(("data", "named"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_is_named_in_one_line(data: bytes, named: str) -> None:
    with pytest.raises(RequestError, match=named) as caught:
        kubelet.parse_request(data)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_but_a_request_error_comes_of_any_bytes(data: bytes) -> None:
    with pytest.raises(RequestError):
        kubelet.parse_request(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {
            "kind": st.just("CredentialProviderRequest"),
            "apiVersion": st.sampled_from(kubelet.API_VERSIONS) | json_values,
        },
        optional={
            "image": st.just("a.io/x") | json_values,
            "serviceAccountToken": json_values,
            "serviceAccountAnnotations": json_values,
            "other": json_values,
        },
    )
)
def test_nothing_but_a_request_or_a_request_error_comes_of_any_object(fields: dict[str, object]) -> None:
    try:
        parsed = kubelet.parse_request(json.dumps(fields).encode())
    except RequestError:
        return
    assert parsed.repository


@given(json_values)
def test_json_is_read_as_the_standard_library_reads_it(value: object) -> None:
    data = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    try:
        expected = json.loads(data.decode())
    except UnicodeDecodeError:
        with pytest.raises(ValueError, match="not JSON"):
            kubelet.parse_json(data)
        return
    read = kubelet.parse_json(data)
    assert read == expected or (isinstance(read, float) and math.isclose(read, expected))


@given(st.text())
def test_every_text_is_quoted_as_json(text: str) -> None:
    assert json.loads(kubelet.quote(text)) == text
