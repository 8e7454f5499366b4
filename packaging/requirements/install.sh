#!/usr/bin/env bash
# Fills the virtual environment DIRECTORY with exactly what the lock files name; does nothing where that is so already.
# usage: [PYTHON=/path/to/python3] packaging/requirements/install.sh DIRECTORY LOCK...
#
# pip does the work, not uv: only pip follows the machine's own pip.conf and PIP_* settings on how to reach its index.
set -euo pipefail

locks=$(cd "$(dirname "$0")" && pwd)
directory=$1
shift
set -- build.txt "$@"

# Prints the first interpreter that is new enough and can make virtual environments.
find_python() {
    local candidate incomplete=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$candidate" -I -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        incomplete=$candidate
    done
    if [ -n "$incomplete" ]; then
        echo "setup: $incomplete has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2
    else
        echo "setup: no Python 3.11 or newer found (${PYTHON:-python3}). Name one: make setup PYTHON=/path/to/python3" >&2
    fi
    return 1
}

# A moved interpreter (an upgrade of the system's python3) leaves an environment that starts but finds nothing.
is_current() {
    cat "${@/#/$locks/}" | cmp -s - "$directory/locked" && "$directory/bin/python" -I -c 'import pip' 2>/dev/null
}

install() {
    "$directory/bin/python" -I -m pip install --quiet --no-input --no-user --no-deps --require-hashes \
        --no-build-isolation --disable-pip-version-check --progress-bar off -r "$1" </dev/null
}

is_current "$@" && exit

# Two `make` at once in one tree: the second waits, then finds the work done.
exec 9<"$locks"
flock 9
is_current "$@" && exit

python=$(find_python)
echo "setup: installing $* into $directory"
rm -rf "$directory"
"$python" -I -m venv "$directory"
for lock in "$@"; do
    install "$locks/$lock"
done
# Written last: an installation that was cut short is started again.
cat "${@/#/$locks/}" >"$directory/locked"
