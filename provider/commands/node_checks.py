"""The kubelet's side of `doctor`: whether it would ask us at all, each link of the way checked in its order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provider.commands.assess import restart_pending
from provider.commands.checkup import Image
from provider.commands.get import moment
from provider.commands.steps import Finding, Skip
from provider.errors import ProviderError, Refused
from provider.node.docker_config import CHOSEN, Chosen, parse_chosen, taken
from provider.node.domains import matching
from provider.node.files import File
from provider.node.guard import NO_IMAGE
from provider.node.kubelet_log import AGAIN, explained, lines_about_us
from provider.node.looking import Means
from provider.node.path_safety import path_problems
from provider.node.seen import ProviderFile, Seen
from provider.node.static_pods import pods_with_secrets
from provider.places import PROGRAM, Places
from provider.version import VERSION

LINES = 2000
"""How many of the kubelet's last lines are read."""

SHOWN = 3
KUBECTL = (
    "kubectl get pods --all-namespaces -o jsonpath="
    "'{range .items[?(@.spec.imagePullSecrets)]}{.metadata.namespace}/{.metadata.name} "
    '{.spec.imagePullSecrets[*].name}{"\\n"}{end}\''
)


@dataclass(frozen=True, slots=True)
class NodeCheckup:
    """What was seen, and what is asked about."""

    means: Means
    places: Places
    seen: Seen
    image: Image | None
    chosen: Chosen | None

    def check_kubelet(self) -> str:
        """See that there is a kubelet, that it runs and is well."""
        found = self.seen.found
        if found is None:
            raise Skip(self.seen.found_problem)
        name = f"{found.version or 'of a version that it does not tell'}, {found.unit} ({found.system})"
        if found.process is None:
            raise Refused(f"{name}: does not run: `journalctl -u {found.unit}` says why")
        if not self.seen.healthy:
            raise Refused(f"{name}: {found.health_url} does not say that it is well: `journalctl -u {found.unit}`")
        return f"{name}, since {moment(found.process.started)}"

    def check_flags(self) -> str:
        """See that its next start, and the running one, have both flags."""
        self._flags_are_used()
        found = self.seen.found
        if found is None:
            raise Skip("needs: kubelet")
        flags = found.flags
        if not flags.config and not flags.bin_dir:
            raise Refused(f"the kubelet has no credential provider, so it never asks: `{PROGRAM} install` sets it up")
        for name, value in (("config", flags.config), ("bin-dir", flags.bin_dir)):
            if not value:
                raise Refused(
                    f"the kubelet does not start again with one of its two flags alone; "
                    f"--image-credential-provider-{name} is missing: `{PROGRAM} install`"
                )
        if self.seen.record is not None and not self.seen.flags_next:
            wanted = f"{self.seen.record.provider_file} and {self.seen.record.bin_dir}"
            raise Refused(f"they name {flags.config} and {flags.bin_dir}, not {wanted}: `{PROGRAM} repair`")
        if found.live is not None and found.live != flags:
            raise Refused(f"set for the next start, and not in the running kubelet: `systemctl restart {found.unit}`")
        return f"{flags.config}, {flags.bin_dir}"

    def check_provider_file(self) -> str:
        """See that the kubelet starts with what it will read, and that we are in it."""
        provider = self._provider()
        version = self.seen.found.version if self.seen.found is not None else None
        if provider.problems:
            raise Refused(f"{provider.path}: kubelet {version} would not start: {'; '.join(provider.problems)}")
        if provider.entry is None:
            raise Refused(f"{provider.path} has no entry named {PROGRAM}: `{PROGRAM} install` adds it")
        if NO_IMAGE in provider.entry.match_images:
            raise Refused(f"{provider.path} stands in for ours, which was missing: `{PROGRAM} repair --restart=now`")
        return f"{provider.path}, by the rules of kubelet {version}"

    def check_bin_dir(self) -> str:
        """See that the program is where the kubelet looks for it, and that nobody but root can put another there."""
        self._flags_are_used()
        found = self.seen.found
        bin_dir = found.flags.bin_dir if found is not None else ""
        if not bin_dir:
            raise Skip("needs: kubelet flags")
        tree = self.means.tree
        problems = list(dict.fromkeys((*path_problems(tree, bin_dir), *path_problems(tree, f"{bin_dir}/{PROGRAM}"))))
        if problems:
            raise Refused("; ".join(problems))
        return f"{bin_dir}, which root alone can change"

    def check_program(self) -> str:
        """See that it runs there, in this version."""
        record = self.seen.record
        problem = self.seen.link_problem
        place = self.seen.found.flags.bin_dir if self.seen.found is not None else ""
        if self._is_docker_config() or not place:
            problem, place = (
                self.seen.program_problem,
                f"{record.prefix if record is not None else '/opt/' + PROGRAM}/bin",
            )
        if problem:
            raise Refused(f"{place}/{PROGRAM} {problem}: {AGAIN}")
        if record is not None and self.seen.current != VERSION:
            return f"{place}/{PROGRAM} runs; it is {self.seen.current}, and this is {VERSION}"
        return f"{place}/{PROGRAM} runs"

    def check_match_images(self) -> str:
        """See that the kubelet asks us for the image."""
        provider = self._provider()
        if provider.entry is None:
            raise Skip("needs: provider file")
        patterns = provider.entry.match_images
        if self.image is None:
            return f"{len(patterns)} patterns; name an image to see whether one matches"
        # Without a registry Docker Hub is meant, which is none of ours.
        host = f"{self.image.host or 'docker.io'}"
        found = matching(patterns, host, self.image.repository)
        if found:
            return f"{found[0]} matches"
        wrong_case = matching(patterns, host.lower(), self.image.repository)
        if wrong_case:
            raise Refused(f"{host} is matched in lower case alone ({wrong_case[0]}): write the pod's image so")
        raise Refused(
            f"no pattern of matchImages matches {host}, so the kubelet does not ask: if it is a domain of an instance "
            f"in acr-registry-info, `{PROGRAM} install` adds it; else name it there under domains first"
        )

    def check_in_effect(self) -> str:
        """See that the running kubelet has read all that."""
        if self.seen.pending == "unfinished":
            raise Refused("a change of this node was cut short: it is put back within 90 s, or by the next `install`")
        if self.seen.record is None:
            raise Skip("what `install` placed is not known: nothing is recorded")
        self._flags_are_used()
        reason = restart_pending(self.seen)
        if reason:
            raise Refused(f"{reason}: `systemctl restart {self.seen.record.unit}`")
        return "the kubelet started after the provider file was placed"

    def check_log(self) -> str:
        """Show what the kubelet said of us since its start, and what that means."""
        found, systemd = self.seen.found, self.means.systemd
        if found is None or found.process is None or systemd is None:
            raise Skip("needs: a kubelet that runs under systemd")
        said = lines_about_us(systemd.journal(found.unit, found.process.started, LINES))
        if not said:
            return "nothing about us since its start"
        shown = [f"{len(said)} lines about us since its start; the last:", *said[-SHOWN:]]
        meaning, is_fault = explained(said[-1], self.image.host if self.image is not None else "")
        text = "\n".join([*shown, f"That means: {meaning}"])
        if is_fault:
            raise Refused(text)
        return text

    def check_docker_config(self) -> str:
        """See what the kubelet's own config.json has for the image's host."""
        found = self.seen.found
        path = self.chosen.path if self.chosen is not None else f"{found.root_dir}/config.json" if found else ""
        tree = self.means.tree
        state = tree.state(tree.resolve(path)) if path else None
        hosts = self.chosen.hosts if self.chosen is not None else {}
        if not isinstance(state, File):
            if self.chosen is not None:
                raise Refused(f"{path} is not there: `{PROGRAM} warm` writes it, or says why not")
            raise Skip("the kubelet has none")
        host = self.image.name if self.image is not None else ""
        if host and taken(state.content, [host], hosts):
            return f"{path} has a login of somebody else's for {host}, which the kubelet tries first"
        if self.chosen is None:
            return f"{path} has nothing for {host}" if host else f"{path} is not ours"
        if host and host not in hosts:
            raise Refused(f"{path} has no entry for {host}: `{PROGRAM} get {host}/any` says why, `warm` puts it in")
        ended = [name for name, end in hosts.items() if end <= self.seen.now]
        if ended or not hosts:
            raise Refused(f"{path}: {', '.join(ended) or 'all entries'} not renewed: `{PROGRAM} warm` says why")
        return f"{path}: {len(hosts)} entries of ours, the first ends {moment(min(hosts.values()))}"

    def check_pods(self) -> str:
        """Look for imagePullSecrets, which the kubelet tries before it asks us."""
        found = self.seen.found
        if found is None:
            raise Skip("needs: kubelet")
        pods = pods_with_secrets(self.means.tree, found)
        own = "; ".join(f"{pod.path} names {', '.join(pod.secrets)}" for pod in pods)
        first = f"static pods: {own}" if own else "no static pod of this node has its own"
        return (
            f"{first}. The kubelet tries a pod's imagePullSecrets first and us after them, so an outdated one does no "
            f"harm here;\npods with their own do not get the ServiceAccount's. To see them:\n{KUBECTL}"
        )

    def _provider(self) -> ProviderFile:
        self._flags_are_used()
        if self.seen.provider is None:
            raise Skip("needs: kubelet flags")
        return self.seen.provider

    def _is_docker_config(self) -> bool:
        return self.seen.record is not None and self.seen.record.delivery == "docker-config"

    def _flags_are_used(self) -> None:
        if self._is_docker_config():
            raise Skip("not needed: tokens are delivered by the kubelet's config.json")


def findings(means: Means, places: Places, image: Image | None, seen: Seen) -> Iterator[Finding]:
    """Yield a finding for each step as soon as it is there. Without a kubelet all are skipped."""
    path = f"{places.data}/{CHOSEN}"
    chosen = None
    try:
        text = means.tree.text(path)
        chosen = parse_chosen(text.encode(), path) if text is not None else None
    except ProviderError as error:
        yield Finding("docker config", "failed", str(error), 1)
    checkup = NodeCheckup(means, places, seen, image, chosen)
    for name, step in STEPS:
        if seen.found is None and name != "kubelet":
            yield Finding(name, "skipped", "needs: kubelet")
            continue
        try:
            yield Finding(name, "ok", step(checkup))
        except Skip as reason:
            yield Finding(name, "skipped", str(reason))
        except ProviderError as error:
            detail = error.message if "\n" in error.message else str(error)
            yield Finding(name, "failed", detail, error.exit_status)


Step = tuple[str, Callable[[NodeCheckup], str]]

STEPS: tuple[Step, ...] = (
    ("kubelet", NodeCheckup.check_kubelet),
    ("kubelet flags", NodeCheckup.check_flags),
    ("provider file", NodeCheckup.check_provider_file),
    ("bin directory", NodeCheckup.check_bin_dir),
    ("program", NodeCheckup.check_program),
    ("matchImages", NodeCheckup.check_match_images),
    ("in effect", NodeCheckup.check_in_effect),
    ("kubelet's log", NodeCheckup.check_log),
    ("docker config", NodeCheckup.check_docker_config),
    ("imagePullSecrets", NodeCheckup.check_pods),
)
"""Name, and what is done."""
