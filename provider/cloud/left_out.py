"""What the SDKs import and a synchronous call does not need, and the importer that leaves it out.

A node that starts fifty pods starts fifty plugins, each of which pays for these imports in time and in memory.
The SDKs untouched: 290 ms and 989 modules; by these tables: 82 ms and 312 (from source, warm page cache, the least of
a dozen runs on a developer's machine).
A test holds the tables against the pinned versions: every entry is really imported by the untouched SDKs, and a whole
request runs without it.
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:
    Loader = MetaPathFinder = object  # importing importlib.abc takes 8 ms

EMPTY = {
    "aiohttp": "asynchronous calls",  # 105 ms, with what it imports of asyncio
    "alibabacloud_tea_openapi.websocket_utils": "calls over web sockets",  # 5 ms, with the next
    "apscheduler": "a thread that refreshes credentials in the background",  # 17 ms
    "asyncio": "asynchronous calls",  # 11 ms
    "certifi": "a list of authorities of its own; the node's counts",  # 2 ms, and a hook at exit
    "cryptography": "signing with RSA key pairs",  # 12 ms
    "darabonba.websocket": "calls over web sockets",
    "importlib.metadata": "looking for the HTTP/2 package",  # 6 ms
    "xml": "answers in XML; those that we ask for are in JSON",  # 5 ms
}
"""Packages and modules that import as empty ones, whose names raise an error once they are used: what they are for.

The milliseconds are what loading loses when an entry is taken back."""

ABSENT = {
    "charset_normalizer": "guessing the encoding of text; requests warns and goes on without",  # 7 ms
}
"""Packages that cannot be imported, since whoever asks for them has a way of its own to go on: what they are for."""

PROVIDERS = {
    "EcsRamRoleCredentialsProvider": "ecs_ram_role",
    "StaticAKCredentialsProvider": "static_ak",
    "StaticSTSCredentialsProvider": "static_sts",
}
"""The credentials providers that we use. The others read HOME and the environment, which no node's identity is in."""


Exists = Callable[[str], bool]
"""Tells whether a package has a file of that name."""


def model_file(name: str, exists: Exists) -> str:
    """Return the file of a model: `GetTokenRequest` is in `_get_token_request`, and so are its parts."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    while words and not exists(words):
        words = words.rpartition("_")[0]
    return words


def provider_file(name: str, exists: Exists) -> str:
    """Return the file of a credentials provider; empty when we have no use for it."""
    return PROVIDERS.get(name, "")


FileOf = Callable[[str, Exists], str]

ON_DEMAND: dict[str, FileOf] = {
    "alibabacloud_cr20181201.models": model_file,  # 31 ms
    "alibabacloud_credentials.provider": provider_file,  # 5 ms
}
"""Packages whose `__init__` imports all their files: how to find the file of a name when it is first asked for."""


QUIET = r"(Tea|darabonba|alibabacloud_\w+|requests|urllib3)(\.|$)"
"""Modules whose warnings nobody can act on: that a part is left out, that a call of the standard library is old."""


class LeftOutError(RuntimeError):
    """A part was used that is not there. A bug: the tables are wrong for what we call."""


class LeftOut:
    """Stands for a name of a package that was left out, and says so to whoever uses it."""

    def __init__(self, name: str) -> None:
        self.__name = name

    def __fail(self, *_: object, **__: object) -> NoReturn:
        raise LeftOutError(f"{self.__name} is left out (provider.cloud.left_out): no synchronous call needs it")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self.__fail()

    __call__ = __getitem__ = __iter__ = __instancecheck__ = __mro_entries__ = __enter__ = __exit__ = __fail


class _EmptyLoader(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        def missing(name: str) -> LeftOut:
            if name.startswith("__"):
                raise AttributeError(name)
            return LeftOut(f"{module.__name__}.{name}")

        module.__dict__["__getattr__"] = missing
        if module.__name__ == "certifi":
            # requests asks for the path while it is imported. No file is there, so nobody can trust it by accident.
            module.__dict__["where"] = lambda: "/nonexistent/certifi-is-left-out"


class _OnDemandLoader(_EmptyLoader):
    def __init__(self, file_of: FileOf) -> None:
        self._file_of = file_of

    def exec_module(self, module: ModuleType) -> None:
        def exists(file: str) -> bool:
            return PathFinder.find_spec(f"{module.__name__}.{file}", module.__path__) is not None

        def resolve(name: str) -> object:
            if name.startswith("__"):
                raise AttributeError(name)
            if exists(name):
                raise AttributeError(name)  # a file of the package: the import statement loads it
            file = self._file_of(name, exists)
            if not file:
                return LeftOut(f"{module.__name__}.{name}")
            value = getattr(import_module(f"{module.__name__}.{file}"), name)
            setattr(module, name, value)
            return value

        module.__dict__["__getattr__"] = resolve


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self.made: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top in EMPTY or fullname in EMPTY:
            self.made.append(fullname)
            return ModuleSpec(fullname, _EmptyLoader(), is_package=True)
        if top in ABSENT:
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)
        if fullname in ON_DEMAND:
            spec = PathFinder.find_spec(fullname, path)
            if spec is not None:
                spec.loader = _OnDemandLoader(ON_DEMAND[fullname])
            return spec
        return None


@contextmanager
def left_out() -> Iterator[None]:
    """Leave out the parts while the body imports the SDKs.

    Afterwards the empty packages are gone from `sys.modules`, so that whoever needs the real ones gets them. Packages
    that were imported before are used as they are.
    """
    warnings.filterwarnings("ignore", module=QUIET)
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.made:
            empty = sys.modules.pop(name, None)
            package, _, last = name.rpartition(".")
            if package in sys.modules and getattr(sys.modules[package], last, None) is empty:
                delattr(sys.modules[package], last)
