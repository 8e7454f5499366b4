"""The signatures against the examples that Alibaba Cloud's documentation works through, and RAM policies as tables."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.cloud.policy import Context, allow, holds, permits, trust, trusts, well_formed
from tests.cloud.signatures import acs3_signature, rpc_signature
from tests.cloud.wire import Request

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_acs3_signature_of_the_documented_example() -> None:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    request = Request("POST", headers["host"], "/", query, headers)
    signature = acs3_signature(request, tuple(sorted(headers)), "YourAccessKeySecret")
    assert signature == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"


def test_rpc_signature_of_the_documented_example() -> None:
    parameters = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    assert rpc_signature("GET", parameters, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


REPOSITORY = "acs:cr:cn-hangzhou:1:repository/cri-1/team/app"


@pytest.mark.parametrize(
    ("actions", "resources", "action", "resource", "allowed"),
    [
        (["cr:*"], ["*"], "cr:PullRepository", REPOSITORY, True),
        (["cr:Pull*"], ["*"], "cr:PushRepository", REPOSITORY, False),
        (["CR:pullrepository"], ["*"], "cr:PullRepository", REPOSITORY, True),
        (["cr:PullRepository"], ["acs:cr:*:*:repository/cri-1/*"], "cr:PullRepository", REPOSITORY, True),
        (["cr:PullRepository"], ["acs:cr:*:*:repository/cri-2/*"], "cr:PullRepository", REPOSITORY, False),
        (["cr:GetAuthorizationToken"], ["acs:cr:*:*:instance/cri-1"], "cr:GetAuthorizationToken", "*", False),
        ([], ["*"], "cr:PullRepository", REPOSITORY, False),
    ],
)
def test_permissions(actions: list[str], resources: list[str], action: str, resource: str, allowed: bool) -> None:
    assert permits([allow(actions, resources)], action, resource) is allowed


def test_deny_outweighs_allow() -> None:
    deny = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "cr:Push*", "Resource": "*"}]}
    policies = [allow(["cr:*"]), deny]
    assert permits(policies, "cr:PullRepository", REPOSITORY)
    assert not permits(policies, "cr:PushRepository", REPOSITORY)


@pytest.mark.parametrize(
    ("condition", "context", "met"),
    [
        ({}, {}, True),
        ({"StringEquals": {"oidc:sub": "a"}}, {"oidc:sub": "a"}, True),
        ({"StringEquals": {"oidc:sub": "a*"}}, {"oidc:sub": "ab"}, False),
        ({"StringLike": {"oidc:sub": "a*"}}, {"oidc:sub": "ab"}, True),
        ({"StringLike": {"oidc:sub": ["x", "a?"]}}, {"oidc:sub": "ab"}, True),
        ({"StringEquals": {"oidc:aud": "b"}}, {"oidc:aud": ["a", "b"]}, True),
        ({"StringEquals": {"sts:ExternalId": "x"}}, {}, False),
        ({"StringNotEquals": {"oidc:sub": "a"}}, {"oidc:sub": "a"}, False),
        ({"StringEquals": {"oidc:aud": "b"}, "StringLike": {"oidc:sub": "c*"}}, {"oidc:aud": "b"}, False),
    ],
)
def test_conditions(condition: Mapping[str, Mapping[str, Any]], context: Context, met: bool) -> None:
    assert holds(condition, context) is met


@pytest.mark.parametrize(
    ("trusted", "principal", "let_in"),
    [
        ("acs:ram::1:root", "acs:ram::1:role/any", True),
        ("acs:ram::1:root", "acs:ram::11:role/any", False),
        ("acs:ram::1:role/Worker", "acs:ram::1:role/worker", True),
        ("acs:ram::1:role/worker", "acs:ram::1:role/worker2", False),
    ],
)
def test_trust_in_principals(trusted: str, principal: str, let_in: bool) -> None:
    assert trusts(trust({"RAM": [trusted]}), "RAM", principal, {}) is let_in
    assert not trusts(trust({"RAM": [trusted]}), "Federated", principal, {})


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"Statement": []},
        {"Version": "2", "Statement": [{"Effect": "Allow", "Action": "cr:*", "Resource": "*"}]},
        {"Version": "1", "Statement": [{"Effect": "Maybe", "Action": "cr:*", "Resource": "*"}]},
        {"Version": "1", "Statement": [{"Effect": "Allow", "Action": [], "Resource": "*"}]},
        {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "cr:*"}]},
    ],
)
def test_malformed_session_policies(document: object) -> None:
    assert not well_formed(document)
    assert well_formed(allow(["cr:*"]))
