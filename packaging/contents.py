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
    "bz2": "compression that nobody asks for",
    "cgi": "web servers",
    "cffi": "building of extensions",
    "code": "interactive use",
    "colorsys": "colours",
    "curses": "terminals",
    "distutils": "building of packages",
    "doctest": "tests",
    "ensurepip": "building of packages",
    "ftplib": "FTP",
    "lib2to3": "building of packages",
    "lzma": "compression that nobody asks for",
    "multiprocessing": "nothing of ours runs in two processes",
    "packaging": "building of packages",
    "pdb": "interactive use",
    "pip": "building of packages",
    "pkg_resources": "building of packages",
    "py_compile": "building of packages",
    "pydantic.v1": "pydantic's previous version",
    "pydoc": "interactive use",
    "pydoc_data": "interactive use",
    "readline": "interactive use",
    "rlcompleter": "interactive use",
    "runpy": "interactive use",
    "setuptools": "building of packages",
    "site": "the bootloader sets the paths",
    "sqlite3": "databases",
    "test": "tests",
    "tkinter": "windows",
    "tomllib": "building of packages",
    "unittest": "tests",
    "webbrowser": "windows",
    "wheel": "building of packages",
    "xmlrpc": "web servers",
}
"""Modules that something names but no way to run us needs: what they are for. Tests run the frozen program without."""

ENCODINGS = {
    "__init__", "aliases", "ascii", "cp437", "hex_codec", "idna", "latin_1", "punycode", "raw_unicode_escape",
    "unicode_escape", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_8", "utf_8_sig",
}  # fmt: skip
"""The encodings that may be asked for: the interpreter's own, JSON's, YAML's, host names'. There are a hundred more."""

MODELS = "alibabacloud_cr20181201/models/"


def excluded(left_out: Iterable[str], needed_elsewhere: Iterable[str]) -> list[str]:
    """Return the modules to exclude, given those that the SDKs are loaded without and those we use ourselves."""
    return sorted({*left_out, *UNUSED} - set(needed_elsewhere))


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
    if folder == "encodings":
        return name.partition(".")[0] in ENCODINGS
    # Metadata would only make pydantic look for plugins; the licences among it come from `components`.
    return ".dist-info/" not in place


def is_bootstrap(entry: Entry) -> bool:
    """Tell whether an entry of `PYZ.dependencies` belongs to PyInstaller's bootstrap."""
    return entry[2] != "EXTENSION"
