"""Carries one step out at the API server, and keeps what it answers."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from lightkube.types import PatchType

from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure
from provider.kubernetes.names import SECRET
from provider.places import PROGRAM
from provider.secrets.api import Api
from provider.secrets.cache import (
    DATA_KEY,
    END,
    KEY,
    MARK,
    RENEW,
    SECRET_TYPE,
    SERVICE_ACCOUNTS,
    AccountView,
    Cache,
    SecretView,
    account_view,
    secret_view,
)
from provider.secrets.desired import Content, mark_of
from provider.secrets.plan import AddEntry, DeleteSecret, Step, WriteSecret, has_entry
from provider.secrets.selection import Selection
from provider.secrets.wire import SecretObject, ServiceAccountObject

LOOKS = 3
"""How often a ServiceAccount that others change at the same time is looked at again before it has to wait."""

Patch = Sequence[Mapping[str, object]]


class Apply:
    """The steps of plans, as requests."""

    def __init__(self, api: Api, cache: Cache, wrote: Callable[[str], None]) -> None:
        self._api = api
        self._cache = cache
        self._wrote = wrote
        """Told what became of each write of a Secret: `written`, `removed`, `conflict`, `refused` or `failed`."""
        self._body = Body()

    async def step(self, step: Step) -> None:
        """Carry a step out. Raises ApiFailure: a 409 where what was seen is no longer so. Raises Withheld."""
        if isinstance(step, DeleteSecret):
            await self._counted(self._delete(step.secret), "removed")
        elif isinstance(step, WriteSecret):
            write = self._write(step.namespace, step.over, step.content, step.service_accounts)
            await self._counted(write, "written")
        else:
            await self._entry(step.account, present=isinstance(step, AddEntry))

    async def create(self, namespace: str, content: Content, selection: Selection) -> None:
        """Write a Secret where none is, also where we may not write otherwise. Raises ApiFailure."""
        await self._counted(self._write(namespace, None, content, selection, always=True), "written")

    async def look(self, namespace: str) -> SecretView | None:
        """Read the Secret of a namespace as it is now. Raises ApiFailure."""
        try:
            seen = secret_view(await self._api.get(SecretObject, SECRET, namespace))
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
            known = self._cache.secrets.of(namespace).get(SECRET)
            if known is not None:
                self._cache.secrets.remove(known)
            return None
        self._cache.secrets.answered(seen)
        return seen

    async def _counted(self, write: Awaitable[None], result: str) -> None:
        try:
            await write
        except ApiFailure as failure:
            self._wrote(result_of(failure.status))
            raise
        self._wrote(result)

    async def _write(
        self, namespace: str, over: SecretView | None, content: Content, selection: Selection, *, always: bool = False
    ) -> None:
        # Over a Secret that was seen, `force` can only take what was seen: its version is in the body, and a write over
        # anything newer conflicts. Without it, a label that somebody else changed would be a conflict for ever.
        written = await self._api.patch(
            SecretObject,
            SECRET,
            namespace,
            self._body.of(content, selection, over.version if over else None),
            PatchType.APPLY,
            force=over is not None,
            always=always,
        )
        self._cache.secrets.answered(secret_view(written))

    async def _delete(self, secret: SecretView) -> None:
        try:
            await self._api.delete(SecretObject, SECRET, secret.namespace, secret.version)
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
        self._cache.secrets.remove(secret)

    async def _entry(self, account: AccountView, *, present: bool) -> None:
        for looks_left in reversed(range(LOOKS)):
            patch = addition(account) if present else removal(account)
            try:
                changed = await self._api.patch(
                    ServiceAccountObject, account.name, account.namespace, patch, PatchType.JSON
                )
                self._cache.accounts.answered(account_view(changed))
                return
            except ApiFailure as failure:
                if failure.status == NOT_FOUND:
                    self._cache.accounts.remove(account)
                    return
                if failure.status != CONFLICT or not looks_left:
                    raise
            seen = await self._look_at(account)
            if seen is None or has_entry(seen) is present:
                return
            account = seen

    async def _look_at(self, account: AccountView) -> AccountView | None:
        try:
            seen = account_view(await self._api.get(ServiceAccountObject, account.name, account.namespace))
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
            self._cache.accounts.remove(account)
            return None
        self._cache.accounts.answered(seen)
        return seen


def addition(account: AccountView) -> Patch:
    """Return the JSON patch that appends our entry to an account as it was seen, and conflicts where it has changed."""
    entry = {"name": SECRET}
    if account.pulls is None:
        return (_guard(account), {"op": "add", "path": "/imagePullSecrets", "value": [entry]})
    return (_guard(account), {"op": "add", "path": "/imagePullSecrets/-", "value": entry})


def removal(account: AccountView) -> Patch:
    """Return the JSON patch that takes our entry out, wherever it is; a list in which nothing is left goes."""
    pulls = account.pulls or ()
    if all(name == SECRET for name in pulls):
        return (_guard(account), {"op": "remove", "path": "/imagePullSecrets"})
    places = [place for place, name in enumerate(pulls) if name == SECRET]
    # From the end, so that the places before stay what they are.
    return (_guard(account), *({"op": "remove", "path": f"/imagePullSecrets/{place}"} for place in reversed(places)))


def _guard(account: AccountView) -> Mapping[str, object]:
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": str(account.version)}


def result_of(status: int) -> str:
    """Return what a failed write of a Secret is counted as."""
    if status == CONFLICT:
        return "conflict"
    return "refused" if 400 <= status < 500 else "failed"


class Body:
    """What is applied: made once for all Secrets, but for the version that is written over."""

    def __init__(self) -> None:
        self._of: tuple[Content, Selection] | None = None
        self._before = b""
        self._after = b""

    def of(self, content: Content, selection: Selection, version: int | None) -> msgspec.Raw:
        """Return the Secret as JSON. `version`: what it must be now; None where there must be none of another's."""
        if self._of != (content, selection):
            self._of = (content, selection)
            self._before, self._after = _halves(content, selection)
        guard = b"" if version is None else b'"resourceVersion":"%d",' % version
        return msgspec.Raw(self._before + guard + self._after)


def _halves(content: Content, selection: Selection) -> tuple[bytes, bytes]:
    annotations = {
        KEY: content.key,
        MARK: mark_of(content),
        RENEW: str(content.renew),
        END: str(content.end),
        SERVICE_ACCOUNTS: str(selection),
    }
    metadata = {"name": SECRET, "labels": {"app.kubernetes.io/managed-by": PROGRAM}, "annotations": annotations}
    whole = {
        "metadata": metadata,
        "apiVersion": "v1",
        "kind": "Secret",
        "type": SECRET_TYPE,
        "data": {DATA_KEY: base64.b64encode(content.docker_config).decode()},
    }
    start = '{"metadata": {'
    return start.encode(), json.dumps(whole).removeprefix(start).encode()
