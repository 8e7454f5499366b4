"""Which of the programs is run: the kubelet's plugin, a command for people, or the Docker credential helper."""

import sys


def main() -> int:
    """Return the exit status of the program that name and arguments choose."""
    name = sys.argv[0].rpartition("/")[2]
    if name.startswith("docker-credential-"):
        from provider import docker

        return docker.main(sys.argv[1:])
    from provider.places import Places, parse_options

    options = parse_options(sys.argv[1:])
    if options is None or (sys.stdin is not None and sys.stdin.isatty()):
        from provider.commands import program

        return program.main(sys.argv[1:])
    from provider import plugin

    return plugin.main(Places(options))


if __name__ == "__main__":
    sys.exit(main())
