"""`config check`, `config schema` and `config show`: the configuration, for people and for checks before it is used."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from provider.config.finding import Finding, of_kind
from provider.errors import ConfigurationError
from provider.places import DEFAULTS, PROGRAM

GOOD, WRONG = 0, 2
_READ_BYTES = (1 << 20) + 1
_STDIN = "-"


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Run `config ARGUMENTS` and return the exit status: 0 good, 2 wrong use or wrong configuration."""
    try:
        options = _parser(stdout, stderr).parse_args(arguments)
    except _Ended as ended:
        return ended.status
    commands: dict[str, Callable[[argparse.Namespace, TextIO, TextIO, TextIO], int]] = {
        "check": _check,
        "schema": _schema,
        "show": _show,
    }
    return commands[options.command](options, stdin, stdout, stderr)


class _Ended(Exception):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def _parser(stdout: TextIO, stderr: TextIO) -> argparse.ArgumentParser:
    class Parser(argparse.ArgumentParser):
        def _print_message(self, message: str, file: Any = None) -> None:
            (stdout if file is None else file).write(message)

        def print_help(self, file: Any = None) -> None:
            super().print_help(file or stdout)

        def error(self, message: str) -> NoReturn:
            self.print_usage(stderr)
            stderr.write(f"{self.prog}: {message}\n")
            raise _Ended(WRONG)

        def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
            stderr.write(message or "")
            raise _Ended(status)

    parser = Parser(prog=f"{PROGRAM} config", description="The configuration: check it, describe it, show what counts.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="check | schema | show")
    check = commands.add_parser(
        "check",
        help="check files before they are used",
        description="Check configuration files: every unknown key and wrong value with its line, and what is unwise. "
        "Owner and mode of the files do not matter here. Exit status 2 if anything is wrong or unknown.",
    )
    check.add_argument("files", nargs="*", metavar="FILE", help="ConfigMap manifest or its data; - for stdin")
    check.add_argument("--local", action="append", default=[], metavar="FILE", help="check FILE as a node's local.yaml")
    schema = commands.add_parser(
        "schema",
        help="print the JSON schema",
        description="Print the JSON schema of config.yaml, for editors and pipelines.",
    )
    schema.add_argument("--local", action="store_true", help="the schema of local.yaml instead")
    show = commands.add_parser(
        "show",
        help="print what counts on this node",
        description="Print the effective configuration as YAML: defaults filled in, secrets masked.",
    )
    for option, text in (("--config", "the configuration"), ("--local", "the node's own file")):
        show.add_argument(option, default=DEFAULTS[option], metavar="PATH", help=f"{text} (default: %(default)s)")
    show.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _check(options: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from provider.config.configuration import read_configuration
    from provider.config.local import read_local

    if not options.files and not options.local:
        stderr.write(f"{PROGRAM} config check: name at least one FILE, such as {DEFAULTS['--config']}\n")
        return WRONG
    status = GOOD
    for path, is_local in [*((path, False) for path in options.files), *((path, True) for path in options.local)]:
        data = _content(path, stdin, stderr)
        if data is None:
            status = WRONG
            continue
        name = "stdin" if path == _STDIN else path
        if is_local:
            findings, advice = read_local(data, name).findings, tuple[Finding, ...]()
        else:
            read = read_configuration(data, name)
            findings, advice = read.findings, read.advice
        stdout.writelines(f"{finding}\n" for finding in findings)
        stderr.writelines(f"{_as_warning(finding)}\n" for finding in advice)
        if findings:
            status = WRONG
        else:
            stdout.write(f"{name}: good\n")
    return status


def _as_warning(finding: Finding) -> Finding:
    return Finding(finding.path, finding.line, finding.key, f"warning: {finding.message}", "warning")


def _content(path: str, stdin: TextIO, stderr: TextIO) -> bytes | None:
    """Return the content of a file, cut where it is too large; None, with a message, if it cannot be read."""
    try:
        if path == _STDIN:
            return stdin.read(_READ_BYTES).encode()
        with Path(path).open("rb") as file:
            return file.read(_READ_BYTES)
    except OSError as error:
        stderr.write(f"{path}: cannot be read: {error.strerror}\n")
    except ValueError:
        stderr.write(f"{path}: cannot be read: the path or its text is not valid\n")
    return None


def _schema(options: argparse.Namespace, _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    from provider.config import schema

    stdout.write(schema.render(schema.local_schema() if options.local else schema.configuration_schema()))
    return GOOD


def _show(options: argparse.Namespace, _stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from provider.config import show
    from provider.config.load import load

    try:
        loaded = load(options.config, options.local)
    except ConfigurationError as error:
        stderr.write(f"{error}\n")
        return WRONG
    stderr.writelines(f"{finding}\n" for finding in loaded.unknown)
    stderr.writelines(f"{_as_warning(finding)}\n" for finding in of_kind(loaded.warnings, "warning"))
    if options.json:
        stdout.write(json.dumps(show.effective(loaded.configuration, loaded.local), indent=2) + "\n")
    else:
        stdout.write(show.render(loaded.configuration, loaded.local, loaded.lines))
    return GOOD
