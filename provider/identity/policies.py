"""Session policies: what is taken away from a session of a role. They give nothing that the role has not."""

import json

ASK_ACTIONS = ("cr:GetAuthorizationToken", "cr:ListInstance", "cr:ListInstanceEndpoint")
PULL_ACTIONS = (*ASK_ACTIONS, "cr:PullRepository")


def _policy(*statements: dict[str, object]) -> str:
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "1", "Statement": allowed}, separators=(",", ":"))


PULL_ONLY_POLICY = _policy({"Action": PULL_ACTIONS, "Resource": "*"})
"""The session policy of `session-policy: pull-only`. It takes away whatever else the role may, pushing above all. The
resource is `*`, since cr:GetAuthorizationToken is documented with no other. The cloud takes 2048 characters at most; a
longer one makes every token longer."""


def pull_repository_policy(region: str, account: str, instance_id: str, repository: str) -> str:
    """Return the session policy of `session-policy: pull-repository` for one `NAMESPACE/REPO` of an instance.

    `account` owns the instance. RAM reads `*` and `?` in a resource as patterns: the caller sees to it that there are
    none.
    """
    resource = f"acs:cr:{region}:{account}:repository/{instance_id}/{repository}"
    return _policy({"Action": ASK_ACTIONS, "Resource": "*"}, {"Action": ["cr:PullRepository"], "Resource": resource})
