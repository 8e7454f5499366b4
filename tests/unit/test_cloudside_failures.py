import re
import ssl

import pytest

from provider.cloud.attempts import CallFailed
from provider.cloud.causes import CERTIFICATE_DETAILS, Cause, Exchange, classify
from provider.cloud.failures import Call, clock_sentence, explain, refused, unanswered
from provider.cloud.left_out import LeftOutError
from provider.errors import ProviderError, Refused

CALL = Call("GetAuthorizationToken", "instance cri-a in cn-hangzhou", "worker RAM role W", "cr:GetAuthorizationToken")
ASSUME = Call("AssumeRole", "RAM role acs:ram::1:role/r", "worker RAM role W", "sts:AssumeRole")
HOST = "cr.cn-hangzhou.aliyuncs.com"
EXCHANGE = Exchange("POST", HOST, "/", 403)
REQUEST_ID = "0A1B2C3D-0000-1111-2222-333344445555"


class SdkError(Exception):
    """Has the shape of the SDKs' exceptions for answers with a status."""

    def __init__(
        self, status_code: object, code: object, request_id: object = REQUEST_ID, retry_after: object = None
    ) -> None:
        super().__init__("code: 403, SECRET string to sign")
        self.status_code, self.code, self.request_id, self.retry_after = status_code, code, request_id, retry_after
        self.message = "SECRET"


def explained(error: Exception, call: Call = CALL, offset: float | None = None) -> ProviderError:
    made = explain(error, EXCHANGE, call, offset)
    assert isinstance(made, ProviderError)
    return made


REFUSALS = [
    (
        CALL,
        "NoPermission",
        "worker RAM role W may not call GetAuthorizationToken .*must allow cr:GetAuthorizationToken",
    ),
    (CALL, "Forbidden.RAM", "its RAM policy must allow cr:GetAuthorizationToken"),
    (CALL, "INSTANCE_NOT_EXIST", "no instance cri-a in cn-hangzhou for worker RAM role W: .*assumeRoleARN"),
    (CALL, "InvalidAccessKeyId.NotFound", "no such key pair"),
    (CALL, "InvalidAccessKeyId.Inactive", "disabled"),
    (CALL, "InvalidSecurityToken.Expired", "the session has ended"),
    (CALL, "SignatureDoesNotMatch", "the secret is not the key's"),
    (CALL, "Something.New", "GetAuthorizationToken for instance cri-a in cn-hangzhou was refused to worker RAM role W"),
    (ASSUME, "NoPermission", "may not assume RAM role acs:ram::1:role/r: .*trust policy must name it"),
    (ASSUME, "EntityNotExist.Role", "does not exist: check the ARN"),
    (ASSUME, "InvalidParameter.DurationSeconds", "check expireDuration"),
    (ASSUME, "AuthenticationFail.NoPermission", "trust policy must name the OIDC provider"),
    (ASSUME, "AuthenticationFail.OIDCToken.Expired", "has ended: is it still renewed"),
    (ASSUME, "EntityNotExist.OIDCProvider", "rrsaOIDCProviderRoleARN"),
    (CALL, "USER_NOT_EXIST", "does not use instance cri-a"),
]


@pytest.mark.parametrize(("call", "code", "said"), REFUSALS, ids=[f"{row[0].action}-{row[1]}" for row in REFUSALS])
def test_refusals_say_what_to_do(call: Call, code: str, said: str) -> None:
    error = explained(SdkError(403, code), call)
    assert isinstance(error, Refused)
    assert re.search(said, str(error))
    assert (error.code, error.request_id) == (code, REQUEST_ID)
    assert code in str(error) and REQUEST_ID in str(error)


@pytest.mark.parametrize("code", ["InvalidTimeStamp.Expired", "IllegalTimestamp", "SignatureNonceUsed"])
def test_a_wrong_clock_is_named(code: str) -> None:
    assert "this node's clock is 20 minutes behind the cloud's" in str(explained(SdkError(400, code), offset=1200))
    assert "this node's clock is 5 minutes ahead of the cloud's" in str(explained(SdkError(400, code), offset=-310))
    assert "may be wrong" in str(explained(SdkError(400, code)))


def test_the_clock_is_right_within_a_minute() -> None:
    assert clock_sentence(0.2) == "this node's clock is right (within 1 s of the cloud's)"
    assert "1 minute behind" in clock_sentence(61)


RETRIED = [
    (SdkError(400, "Throttling.User"), Cause.THROTTLED, 0.0),
    (SdkError(429, "None"), Cause.THROTTLED, 0.0),
    (SdkError(400, "Throttling", retry_after=1500), Cause.THROTTLED, 1.5),
    (SdkError(503, "ServiceUnavailable"), Cause.SERVER, 0.0),
    (SdkError(500, None), Cause.SERVER, 0.0),
]


@pytest.mark.parametrize(("error", "cause", "wait"), RETRIED)
def test_what_is_worth_another_try(error: SdkError, cause: Cause, wait: float) -> None:
    failure = explained(error)
    assert isinstance(failure, CallFailed)
    assert (failure.cause, failure.wait_seconds) == (cause, wait)


@pytest.mark.parametrize(
    "error", [SdkError(403, "NoPermission"), SdkError(403, "SECRET TEXT", "SECRET ID"), ValueError("SECRET")]
)
def test_no_text_of_an_sdk_is_ever_passed_on(error: Exception) -> None:
    assert "SECRET" not in str(explained(error))


def test_a_refusal_without_a_code_is_not_the_clouds() -> None:
    error = explained(SdkError(403, "None", "None"))
    assert isinstance(error, Refused)
    assert (
        str(error) == f"{HOST} refused GetAuthorizationToken with HTTP 403 and no Code: is something else in between?"
    )


def test_statuses_without_an_sdk_exception() -> None:
    page = ValueError("<html>SECRET")
    for status, cause in ((502, Cause.SERVER), (429, Cause.THROTTLED), (200, Cause.GARBLED)):
        failure = explain(page, Exchange("POST", HOST, "/", status), CALL, None)
        assert isinstance(failure, CallFailed) and failure.cause is cause
    assert isinstance(explain(page, Exchange("POST", HOST, "/", 403), CALL, None), Refused)


def test_what_was_raised_before_anything_was_sent_is_a_bug() -> None:
    bug = RuntimeError("a name that was left out")
    assert explain(bug, None, CALL, None) is bug


def test_a_part_that_was_left_out_and_is_missed_is_never_taken_for_an_outage() -> None:
    bug = LeftOutError("a name that was left out")
    wrapped = ValueError("of the SDK")
    wrapped.inner_exception = bug  # type: ignore[attr-defined]
    assert explain(bug, EXCHANGE, CALL, None) is bug
    assert explain(wrapped, EXCHANGE, CALL, None) is bug


def test_our_own_errors_pass_unchanged() -> None:
    own = Refused("own")
    assert explain(own, EXCHANGE, CALL, None) is own


def test_business_errors_with_status_200() -> None:
    error = refused(CALL, EXCHANGE, None, status=200, code="INSTANCE_NOT_EXIST", request_id=REQUEST_ID)
    assert isinstance(error, Refused) and error.code == "INSTANCE_NOT_EXIST"
    assert isinstance(refused(CALL, EXCHANGE, None, status=200, code="Throttling.User"), CallFailed)


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("SECRET")
    error.verify_code = code
    return error


def test_certificate_errors_say_the_host_and_the_way() -> None:
    cause, detail = classify(certificate_error(20))
    failure = unanswered(Exchange("POST", HOST, "/", 0, cause, detail), None)
    assert HOST in str(failure) and "ca-file" in str(failure) and "SSL_CERT_FILE" in str(failure)
    assert failure.cause is Cause.CERTIFICATE


@pytest.mark.parametrize("code", [9, 10])
def test_a_certificate_out_of_its_time_points_at_the_clock(code: int) -> None:
    cause, detail = classify(certificate_error(code))
    assert detail == CERTIFICATE_DETAILS[code]
    said = str(unanswered(Exchange("POST", HOST, "/", 0, cause, f"{detail}, through the proxy p:1"), 7200))
    assert "120 minutes behind" in said and "ca-file" not in said


class ProxyError(Exception):
    """As urllib3 names it."""


class NewConnectionError(Exception):
    """As urllib3 names it."""


class NameResolutionError(NewConnectionError):
    """As urllib3 names it."""


CHAINS = [
    (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), Cause.PROXY, "HTTP 407"),
    (ProxyError("x", NewConnectionError("refused")), Cause.PROXY, "the proxy itself"),
    (ProxyError("x", ConnectionResetError("behind it")), Cause.DROPPED, ""),
    (NewConnectionError("refused"), Cause.CLOSED, ""),
    (NameResolutionError("no such host"), Cause.NAME, ""),
    (TimeoutError("read"), Cause.SILENT, ""),
    (ConnectionResetError("reset"), Cause.DROPPED, ""),
    (ssl.SSLError("wrong version"), Cause.TLS, ""),
]


@pytest.mark.parametrize(("error", "cause", "detail"), CHAINS, ids=[repr(row[0]) for row in CHAINS])
def test_classification(error: Exception, cause: Cause, detail: str) -> None:
    outer = RuntimeError("outer", error)
    assert classify(outer)[0] is cause
    assert detail in classify(outer)[1]


def test_an_exception_that_is_its_own_cause_ends() -> None:
    error = ValueError("loop")
    error.args = (error,)
    assert classify(error) == (Cause.DROPPED, "")
