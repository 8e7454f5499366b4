"""The types of the values in our files: how each is read, and how the JSON schema describes it.

Values come as text or as lists of text, since `document` keeps what was written.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from provider.config import forms, values

FORM = "form"
"""The type of the errors whose message is ours; all others' quote the input."""


def _with_form(parse: Callable[[Any], object], *, lists: bool = False) -> BeforeValidator:
    def validate(value: object) -> object:
        if isinstance(value, list) and not lists:
            raise PydanticCustomError(FORM, "{message}", {"message": "must be one value, not a list"})
        try:
            return parse(value)
        except forms.WrongForm as error:
            message = str(error)
        raise PydanticCustomError(FORM, "{message}", {"message": message})

    return BeforeValidator(validate)


def _text(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})?$"})


def _choice(*names: str, also: tuple[str, ...] = ()) -> WithJsonSchema:
    return WithJsonSchema({"enum": [*names, *also]})


def _any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


_SWITCH = WithJsonSchema(
    {
        "anyOf": [
            {"type": "boolean"},
            {"enum": [0, 1]},
            {"type": "string", "pattern": f"^({'|'.join(map(_any_case, (*forms.ON, *forms.OFF)))})?$"},
        ]
    }
)
_LIST = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
_DURATION = r"(([0-9]+(\.[0-9]*)?|\.[0-9]+)(h|min|ms|m|s|us|µs|ns))+"


def _integer(lowest: int, highest: int) -> WithJsonSchema:
    number = {"type": "integer", "minimum": lowest, "maximum": highest}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": "^[0-9]*$"}]})


_ROLE = "is not the ARN of a RAM role; right form: acs:ram::1234567890123456:role/pull-images"
_PROVIDER = (
    "is not the ARN of an OIDC provider; right form: acs:ram::1234567890123456:oidc-provider/ack-rrsa-CLUSTER_ID"
)
_EXTERNAL = "must have 2 to 1224 characters of letters, digits and +=,.@:/_-"

Switch = Annotated[bool, _with_form(forms.switch), _SWITCH]
Duration = Annotated[
    int, _with_form(forms.duration), WithJsonSchema({"type": "string", "pattern": f"^({_DURATION})?$"})
]
Names = tuple[str, ...]
Domains = Annotated[Names, _with_form(forms.domains, lists=True), _LIST]
Namespaces = Annotated[Names, _with_form(forms.namespaces, lists=True), _LIST]
ServiceAccounts = Annotated[Names, _with_form(forms.service_accounts, lists=True), _LIST]
InstanceId = Annotated[str, _with_form(forms.instance_id), _text(forms.INSTANCE_ID)]
Region = Annotated[str, _with_form(forms.region), _text(r"(cn|ap|us|eu|me|na|sa|af)-[a-z0-9]+(-[a-z0-9]+)*")]
RoleArn = Annotated[str, _with_form(forms.matching(values.ROLE_ARN, _ROLE)), _text(values.ROLE_ARN)]
ProviderArn = Annotated[
    str, _with_form(forms.matching(forms.OIDC_PROVIDER_ARN, _PROVIDER)), _text(forms.OIDC_PROVIDER_ARN)
]
ExternalId = Annotated[str, _with_form(forms.matching(forms.EXTERNAL_ID, _EXTERNAL)), _text(forms.EXTERNAL_ID)]
KeyText = Annotated[str, _with_form(forms.key_text), WithJsonSchema({"type": "string"})]
Ignored = Annotated[str, _with_form(lambda _: "", lists=True), WithJsonSchema({})]
SessionSeconds = Annotated[
    int,
    _with_form(forms.integer(forms.SHORTEST_SESSION, forms.LONGEST_SESSION, 3600)),
    _integer(forms.SHORTEST_SESSION, forms.LONGEST_SESSION),
]
WebhookSeconds = Annotated[int, _with_form(forms.integer(1, 30, 10)), _integer(1, 30)]
FailurePolicy = Annotated[
    Literal["Ignore", "Fail"], _with_form(forms.choice(("Ignore", "Fail"))), _choice("Ignore", "Fail")
]
TOKEN_MODES = ("auto", "workerRole", "managedRole")
TokenMode = Annotated[values.TokenMode, _with_form(forms.choice(TOKEN_MODES)), _choice(*TOKEN_MODES)]
POLICIES = ("default", "none", "pull-only", "pull-repository")
SessionPolicy = Annotated[values.SessionPolicy, _with_form(forms.choice(POLICIES)), _choice(*POLICIES)]
_ALSO_OFF = dict.fromkeys(("false", "no"), "off")  # what YAML 1.1 tools make of an unquoted `off`
ROLES = ("off", "optional", "required")
ServiceAccountRoles = Annotated[
    Literal["off", "optional", "required"],
    _with_form(forms.choice(ROLES, _ALSO_OFF)),
    WithJsonSchema({"enum": [*ROLES, False]}),
]
Annotation = Annotated[Literal["own", "ack"], _with_form(forms.choice(("own", "ack"))), _choice("own", "ack")]
SCOPES = ("node", "configured")
Scope = Annotated[Literal["node", "configured"], _with_form(forms.choice(SCOPES)), _choice(*SCOPES)]
LEVELS = ("debug", "info", "warning", "error")
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    _with_form(forms.choice(LEVELS, {"warn": "warning"})),
    _choice(*LEVELS),
]
HostAndPort = Annotated[str, _with_form(forms.host_and_port), WithJsonSchema({"type": "string"})]
AbsolutePath = Annotated[str, _with_form(forms.absolute_path), _text("/.*")]
