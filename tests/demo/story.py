"""The demo's story: what a kubelet asks, what it gets, and what a mistake looks like. Each line is checked."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence

from provider.places import PROGRAM
from tests.cloud import clients, default_world
from tests.demo.narrator import Narrator, masked
from tests.integration.node import ALPHA, GROUP, ROOT, Node, Result

IMAGE = f"{ALPHA}/team/app"
REQUEST = {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": IMAGE}
REQUEST_TEXT = json.dumps(REQUEST, indent=2)
WRONG_INSTANCE = "cri-0000000000000000"
INSTANCES = "acr-registry-info:\n  - instanceId: {instance_id}\n    domains: {domains}\n"
NEXT = """\
README.md                      what it is, and how it is set up on a node
CredentialProviderConfig.yaml  how the kubelet is told about it
docs/configuration.md          every key of the configuration
tests/cloud/README.md          the simulated cloud, for experiments of your own
make test, make bench          whether it works, and how fast it is"""


class Story:
    """One showing, at one node of a simulated cloud."""

    def __init__(self, node: Node, narrator: Narrator) -> None:
        self._node = node
        self._narrator = narrator

    def tell(self) -> None:
        """Tell everything. Raises Untrue at the first thing that is not so."""
        tell = self._narrator
        tell.say(f"{PROGRAM} gives the kubelet passwords for private images on Alibaba Cloud.")
        tell.say("Here it runs as on a node. The cloud around it is simulated, on loopback ports of this machine.")
        first = self._first_request()
        self._second_request(first)
        self._login(first)
        self._mistake()
        self._doctor()
        tell.chapter("Where to go next")
        tell.show("in this directory", NEXT)

    def _first_request(self) -> Result:
        tell, node = self._narrator, self._node
        tell.chapter("A pod needs a private image, so the kubelet starts the plugin and asks")
        tell.show("command", "python -m provider " + " ".join(node.options))
        tell.show("standard input", REQUEST_TEXT)
        tell.say(
            "No configuration is there, and no password. The plugin asks the registry which instance it is, the node's "
            "metadata service for a session of the node's RAM role, and ACR for a temporary password."
        )
        result = self._run([], REQUEST_TEXT)
        tell.fact(result.status == 0, f"exit status 0, after {result.seconds * 1000:.0f} ms: nothing was ready (cold)")
        answer = json.loads(result.stdout)
        tell.fact(list(answer.get("auth", ())) == [ALPHA], "the answer has credentials for this registry alone")
        login = answer["auth"][ALPHA]
        shown = {**answer, "auth": {ALPHA: {**login, "password": masked(login["password"])}}}
        tell.show("standard output", json.dumps(shown, indent=2, ensure_ascii=False))
        return result

    def _second_request(self, first: Result) -> None:
        tell = self._narrator
        tell.chapter("The next pod needs an image from there")
        calls = self._node.cloud.calls
        before = len(calls)
        result = self._run([], REQUEST_TEXT)
        asked = len(calls) - before
        tell.fact(
            result.status == 0, f"exit status 0, after {result.seconds * 1000:.0f} ms: an answer was ready (warm)"
        )
        tell.fact(result.auth == first.auth, "the same password")
        tell.fact(asked == 0, "nothing was asked of the cloud")
        tell.fact(len(calls.of("acr")) == 1, "ACR was called once for both requests")

    def _login(self, first: Result) -> None:
        tell, cloud = self._narrator, self._node.cloud
        tell.chapter("The container runtime logs in at the registry with it, and pulls")
        status = self._node.login(first, ALPHA)
        tell.fact(status == 200, f"GET https://{ALPHA}/v2/: HTTP 200")
        status = self._node.pull(first, ALPHA, "team/app")
        tell.fact(status == 200, f"GET https://{ALPHA}/v2/team/app/manifests/latest: HTTP 200")
        status = clients.login(cloud, ALPHA, first.auth[ALPHA]["username"], "guessed")
        tell.fact(status == 401, "the same login with a guessed password: HTTP 401")

    def _mistake(self) -> None:
        tell = self._narrator
        tell.chapter("What a mistake looks like: a wrong instance id in the configuration")
        text = INSTANCES.format(instance_id=WRONG_INSTANCE, domains=ALPHA)
        self._node.configure(text)
        tell.show("configuration", text)
        result = self._run([], REQUEST_TEXT, fails=True)
        tell.fact(result.status == 1 and not result.stdout, "exit status 1, and nothing on standard output")
        tell.fact(result.stderr.count("\n") == 1, "one line on standard error, which the kubelet logs")
        tell.show("standard error", result.stderr, bad=True)
        tell.fact(WRONG_INSTANCE in result.stderr and "INSTANCE_NOT_EXIST" in result.stderr, "it names the culprit")

    def _doctor(self) -> None:
        tell = self._narrator
        tell.chapter("The right id is put in, and `doctor` checks every step")
        self._node.configure(INSTANCES.format(instance_id=default_world.ALPHA, domains=ALPHA))
        result = self._run(["doctor", IMAGE])
        tell.show(f"{PROGRAM} doctor {IMAGE}", result.stdout + result.stderr)
        tell.fact(result.status == 0 and "failed" not in result.stdout, "exit status 0, and no step failed")

    def _run(self, arguments: Sequence[str], stdin: str = "", *, fails: bool = False) -> Result:
        """Run the program as this source tree has it; what it says on a failure that is none of the story is shown."""
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "provider", *arguments, *self._node.options],
            cwd=ROOT,
            env=self._node.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        result = Result(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
        if result.status and not fails:
            self._narrator.show("standard error", result.stderr, bad=True)
        return result
