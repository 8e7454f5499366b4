"""Which component each file of the bundle comes from: its name, version, and the texts of its licence."""

import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from c_library import BuildError

ROOT = Path(__file__).parents[1]
APACHE = {"Apache License 2.0", "Apache-2.0", "Apache 2.0"}
COMMON_LICENCE = re.compile(r"/usr/share/common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9]")


@dataclass(frozen=True, order=True)
class Component:
    """One thing that somebody published."""

    purl: str
    name: str
    version: str
    licence: str
    """As the publisher declares it; empty where only the text tells."""
    texts: tuple[Path, ...] = field(compare=False, repr=False)
    parts: tuple[Path, ...] = field(default=(), compare=False, repr=False)
    """The publisher's own lists of what is inside, in CycloneDX."""


def components(files: Iterable[tuple[str, str]]) -> list[Component]:
    """Return the components of the bundle's files (place, source), sorted. Raises BuildError for an unknown origin."""
    published = metadata.packages_distributions()
    found = {_distribution("pyinstaller"), _python()}  # the program itself is PyInstaller's bootloader
    for place, source in files:
        top = place.removeprefix("_internal/").partition("/")[0].partition(".")[0]
        # Metadata stands beside the modules that it is about.
        if top in ("provider", "launcher") or ".dist-info/" in place or _is_pythons(place, top):
            continue
        if top in published:
            found.update(_distribution(name) for name in published[top])
        elif not (place.startswith("python3") or source.endswith(".pyc")):
            found.add(_system_package(source))
        else:
            raise BuildError(f"nobody knows where {place} comes from ({source})")
    return sorted(found)


def _is_pythons(place: str, top: str) -> bool:
    own = top in sys.stdlib_module_names or top.startswith(("libpython", "_sysconfigdata"))
    return own or "lib-dynload/" in place


def _distribution(name: str) -> Component:
    found = metadata.distribution(name)
    fields = found.metadata
    licence = (fields["License-Expression"] or fields["License"] or "").splitlines()[:1]
    files = [Path(str(file.locate())) for file in found.files or ()]
    texts = [file for file in files if ".dist-info" in str(file.parent) and _is_licence(file)]
    if not texts and licence and licence[0] in APACHE:
        texts = [ROOT / "LICENSE"]  # some of Alibaba Cloud's packages only declare it
    if not texts:
        raise BuildError(f"the distribution {name} brings no text of its licence")
    parts = [file for file in files if file.parent.name == "sboms" and ".cyclonedx" in file.name]
    name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
    return Component(
        f"pkg:pypi/{name}@{found.version}", name, found.version, "".join(licence), tuple(sorted(texts)), tuple(parts)
    )


def _is_licence(file: Path) -> bool:
    return file.parent.name == "licenses" or re.match("LICEN[CS]E|COPYING|NOTICE", file.name) is not None


def _python() -> Component:
    version = platform.python_version()
    text = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    if not text.exists():
        short = f"{sys.version_info.major}.{sys.version_info.minor}"
        text = Path(f"/usr/share/doc/libpython{short}-minimal/copyright")
    if not text.exists():
        raise BuildError(f"the text of Python's licence is at neither of its places, the last being {text}")
    return Component(f"pkg:generic/cpython@{version}", "cpython", version, "PSF-2.0", (text.resolve(),))


def _system_package(source: str) -> Component:
    """Return Debian's package that a library comes from."""
    paths = {source, str(Path(source).resolve())}
    # Where /lib is a link to /usr/lib, the list of a package has either.
    paths |= {path.removeprefix("/usr") if path.startswith("/usr/") else f"/usr{path}" for path in paths}
    done = subprocess.run(["dpkg-query", "--search", *sorted(paths)], capture_output=True, text=True, check=False)
    package = done.stdout.partition(": ")[0]
    if not package:
        raise BuildError(f"no package of this system has {source}, so its licence is not known")
    show = "${Package} ${Version} ${Architecture}"
    command = ["dpkg-query", "--show", f"--showformat={show}", package]
    name, version, architecture = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    text = Path(f"/usr/share/doc/{name}/copyright")
    if not text.exists():
        raise BuildError(f"{text} is missing: the licence of {source} is not known")
    # Some of the names are links to others: GPL is GPL-3.
    common = {Path(place).resolve() for place in COMMON_LICENCE.findall(text.read_text(errors="replace"))}
    texts = (text.resolve(), *sorted(path for path in common if path.exists()))
    system = platform.freedesktop_os_release()["ID"]
    purl = f"pkg:deb/{system}/{name}@{quote(version, safe='')}?arch={architecture}"
    return Component(purl, name, version, "", texts)
