"""Where configuration and state are, and the options that say otherwise.

The warm path loads this module; it imports nothing else than that path does.
"""

from provider import answers

PROGRAM = "aliyun-acr-credential-provider"
DEFAULTS = {
    "--config": f"/etc/{PROGRAM}/config.yaml",
    "--local": f"/etc/{PROGRAM}/local.yaml",
    "--state-dir": f"/run/{PROGRAM}",
    "--data-dir": f"/var/lib/{PROGRAM}",
}
"""The options that every way to run has in common, and where things are without them."""


class Places:
    """Where configuration and state are: the four paths of `DEFAULTS`, and what follows from them."""

    __slots__ = ("answers", "config", "data", "identities", "local", "state")

    def __init__(self, options: dict[str, str]) -> None:
        self.config = options["--config"]
        self.local = options["--local"]
        self.state = options["--state-dir"]
        self.data = options["--data-dir"]
        self.answers = f"{self.state}/answers"
        self.identities = f"{self.state}/identities"

    @property
    def cluster(self) -> str:
        """The file that tells the cluster's date, in a folder that the agent may write: beside it are generations."""
        return f"{self.data}/cluster/cluster.json"

    def fingerprint(self) -> str:
        """Return a text that changes with everything that decides who is asked for a token, and as whom."""
        return answers.fingerprint_of((self.config, self.local, self.cluster))


def parse_options(arguments: list[str]) -> dict[str, str] | None:
    """Return the options given and defaulted; None if anything else than these options is there."""
    options = dict(DEFAULTS)
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name not in options:
            return None
        if not equals:
            value = next(rest, "")
        if not value:
            return None
        options[name] = value
    return options
