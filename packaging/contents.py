"""What goes into the bundle and what stays out: tables, and pure decisions on the entries of PyInstaller's lists."""

from collections.abc import Iterable, Mapping

Entry = tuple[str, str, str]
"""Place in the bundle, source, PyInstaller's type of it: DATA, BINARY, EXTENSION, PYMODULE …"""

UNUSED = {
    "_codecs_cn": "East Asian encodings",
    "_codecs_hk": "East Asian encodings",
    "_codecs_iso2022": "East Asian encodings",
    "_codecs_jp": "East Asian encodings",
    "_codecs_kr": "East Asian encodings",
    "_codecs_tw": "East Asian encodings",
    "_distutils_hack": "building of packages",
    "_multibytecodec": "East Asian encodings",
    "_osx_support": "another system",
    "_pydecimal": "the C module is there",
    "_pyio": "the C module is there",
    "_uuid": "identifiers made of a machine's address; the library that they need brings licences of 150 kB",
    "aiohttp._http_parser": "the Python module is there; this one is 0.6 MB, for a few requests a second",
    "aiohttp._http_writer": "the Python module is there",
    "aiohttp._websocket.mask": "web sockets",
    "aiohttp._websocket.reader_c": "web sockets",
    "aiohttp.worker": "another web server",
    "anyio._backends._trio": "asynchronous calls of another kind",
    "anyio.pytest_plugin": "tests",
    "asyncio.proactor_events": "another system",
    "asyncio.windows_events": "another system",
    "asyncio.windows_utils": "another system",
    "bz2": "compression that nobody asks for",
    "cffi": "building of extensions",
    "cgi": "web servers",
    "code": "interactive use",
    "colorsys": "colours",
    "concurrent.futures.process": "nothing of ours runs in two processes",
    "configparser": "files of a kind that nobody has",
    "ctypes._aix": "another system",
    "ctypes.macholib": "another system",
    "ctypes.wintypes": "another system",
    "curses": "terminals",
    "distutils": "building of packages",
    "doctest": "tests",
    "ensurepip": "building of packages",
    "frozenlist._frozenlist": "the Python module is there; this one needs the library of C++, 2 MB",
    "ftplib": "FTP",
    "h2": "HTTP/2",
    "hpack": "HTTP/2",
    "httpcore2._backends.trio": "asynchronous calls of another kind",
    "httpx2._main": "a command line of its own",
    "httpx2.websockets": "web sockets",
    "hyperframe": "HTTP/2",
    "lib2to3": "building of packages",
    "lzma": "compression that nobody asks for",
    "multidict._multidict_py": "the C module is there",
    "multiprocessing": "nothing of ours runs in two processes",
    "packaging": "building of packages",
    "pdb": "interactive use",
    "pip": "building of packages",
    "pkg_resources": "building of packages",
    "pprint": "interactive use",
    "py_compile": "building of packages",
    "pydantic.color": "colours",
    "pydantic.experimental": "what pydantic tries out",
    "pydantic.mypy": "checks of types",
    "pydantic.v1": "pydantic's previous version",
    "pydoc": "interactive use",
    "pydoc_data": "interactive use",
    "readline": "interactive use",
    "rlcompleter": "interactive use",
    "runpy": "interactive use",
    "setuptools": "building of packages",
    "site": "the bootloader sets the paths",
    "sqlite3": "databases",
    "statistics": "statistics",
    "tarfile": "archives",
    "test": "tests",
    "tkinter": "windows",
    "tomllib": "building of packages",
    "tracemalloc": "looking for lost memory",
    "trio": "asynchronous calls of another kind",
    "truststore._macos": "another system",
    "truststore._windows": "another system",
    "unittest": "tests",
    "urllib3.contrib.emscripten": "another system",
    "urllib3.contrib.pyopenssl": "the C module is there",
    "webbrowser": "windows",
    "wheel": "building of packages",
    "wsproto": "web sockets",
    "xmlrpc": "web servers",
    "yarl._quoting_py": "the C module is there",
}
"""Modules that something names but no way to run us needs: what they are for. Tests run the frozen program without."""

BY_NAME = ("Crypto.PublicKey._edwards", "Crypto.PublicKey._montgomery", "Crypto.PublicKey._nist_ecc")
"""Modules that others load by a name that they make up."""

NEEDED = {
    "aiohttp": "the webhook's server",
    "asyncio": "the API server's client",
    "importlib.metadata": "pydantic, httpx2",
}
"""What the SDKs are loaded without (`provider.cloud.left_out`), and others need: who."""

ONLY = {
    # AES of the managed role's session; RSA and elliptic curves of the webhook's certificate, and what those import.
    "Crypto/Cipher": {
        "__init__", "AES", "DES", "DES3", "_mode_cbc", "_raw_aes", "_raw_aesni", "_raw_cbc", "_raw_des", "_raw_des3",
        "_state_machine",
    },
    "Crypto/Hash": {
        "__init__", "CMAC", "HMAC", "MD5", "SHA1", "SHA256", "SHA512", "SHAKE256", "keccak",
        "_MD5", "_SHA1", "_SHA256", "_SHA256_shani", "_SHA512", "_keccak",
    },
    "Crypto/Math": {"__init__", "Numbers", "Primality", "_IntegerBase", "_IntegerNat", "_nat"},
    "Crypto/PublicKey": {
        "__init__", "DSA", "ECC", "RSA", "_curve", "_ec_lib", "_edwards", "_montgomery", "_nist_ecc", "_point",
        "_curve25519", "_ec_nat", "_ed25519",
    },
    "alibabacloud_credentials/provider": {"__init__", "ecs_ram_role", "refreshable", "static_ak", "static_sts"},
    # The interpreter's own, JSON's, YAML's, host names'. There are a hundred more.
    "encodings": {
        "__init__", "aliases", "ascii", "cp437", "hex_codec", "idna", "latin_1", "punycode", "raw_unicode_escape",
        "unicode_escape", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_8", "utf_8_sig",
    },
}  # fmt: skip
"""Folders that have far more in them than may be asked for: the modules, of Python or of C, that go in."""

NAMED_VERSION = ("httpcore2-", "httpx2-")
"""How the metadata of those begin that ask for their own version while they are imported."""

MODELS = "alibabacloud_cr20181201/models/"


def excluded(left_out: Iterable[str]) -> list[str]:
    """Return the modules to exclude, given those that the SDKs are loaded without."""
    return sorted({*left_out, *UNUSED} - NEEDED.keys())


def model_prefixes(methods: Mapping[str, str]) -> tuple[str, ...]:
    """Return how the files of the models begin that some methods of the ACR client need.

    `methods`: the table of `provider.cloud.enterprise`, from an operation to `list_instance_with_options`.
    """
    operations = (name.removesuffix("_with_options") for name in methods.values())
    return tuple(f"{MODELS}_{operation}_{part}" for operation in operations for part in ("request", "response"))


def is_kept(entry: Entry, models: tuple[str, ...]) -> bool:
    """Tell whether an entry of `Analysis.datas` or `.binaries` goes into the bundle."""
    place = entry[0]
    if place.startswith(MODELS):
        return place.startswith((f"{MODELS}__init__.", *models))
    folder, _, name = place.rpartition("/")
    if folder in ONLY:
        return name.partition(".")[0] in ONLY[folder]
    # Other metadata would only make pydantic look for plugins; the licences among it come from `components`.
    return not folder.endswith(".dist-info") or (place.startswith(NAMED_VERSION) and name == "METADATA")


def is_bootstrap(entry: Entry) -> bool:
    """Tell whether an entry of `PYZ.dependencies` belongs to PyInstaller's bootstrap."""
    return entry[2] != "EXTENSION"
