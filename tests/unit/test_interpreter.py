import subprocess
import sys
from pathlib import Path

import pytest

from provider.node.interpreter import Unsuitable, interpreter_of, with_interpreter

PROGRAM = Path("/bin/sh").resolve()


def test_a_program_names_the_loader_that_runs_it() -> None:
    loader = interpreter_of(PROGRAM.read_bytes())
    assert loader.startswith("/")
    assert Path(loader).exists()


def test_another_path_is_written_in_place_and_the_kernel_takes_it(tmp_path: Path) -> None:
    content = PROGRAM.read_bytes()
    loader = interpreter_of(content)
    shorter = Path("/tmp") / f"l{tmp_path.name[-6:]}"
    shorter.unlink(missing_ok=True)
    shorter.symlink_to(loader)
    changed = with_interpreter(content, str(shorter))
    assert len(changed) == len(content)
    assert interpreter_of(changed) == str(shorter)
    program = tmp_path / "sh"
    program.write_bytes(changed)
    program.chmod(0o755)
    try:
        done = subprocess.run([program, "-c", "echo ran"], capture_output=True, text=True, check=True)
    finally:
        shorter.unlink()
    assert done.stdout == "ran\n"
    with pytest.raises(FileNotFoundError):  # without the loader that it names it does not run
        subprocess.run([program, "-c", "echo ran"], check=True)
    assert with_interpreter(changed, loader) == content


def test_a_path_that_does_not_fit_is_refused() -> None:
    content = PROGRAM.read_bytes()
    room = len(interpreter_of(content))
    assert interpreter_of(with_interpreter(content, "/" + "x" * (room - 1))) == "/" + "x" * (room - 1)
    with pytest.raises(Unsuitable, match=f"longer than the {room} bytes"):
        with_interpreter(content, "/" + "x" * room)


@pytest.mark.parametrize("path", ["relative/ld.so", "", "/with\0nul"])
def test_a_path_that_the_kernel_would_not_take_is_refused(path: str) -> None:
    with pytest.raises(Unsuitable, match="absolute"):
        with_interpreter(PROGRAM.read_bytes(), path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a 64-bit"),
        (b"#!/bin/sh\n", "not a 64-bit"),
        (b"\x7fELF\x01\x01" + bytes(100), "not a 64-bit"),
        (b"\x7fELF\x02\x01" + bytes(20), "cut short"),
        (PROGRAM.read_bytes()[:64], "cut short"),
        (b"\x7fELF\x02\x01" + bytes(100), "names no loader"),
    ],
)
def test_what_is_no_program_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(Unsuitable, match=message):
        interpreter_of(content)


def test_a_library_names_no_loader() -> None:
    libraries = [line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line]
    library = next(name for name in libraries if "ld-" not in name and "libc." not in name and sys.executable != name)
    with pytest.raises(Unsuitable, match="names no loader"):
        interpreter_of(Path(library).read_bytes())
