#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml, keeping the versions that still fit.
# usage: packaging/requirements/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
packaging/requirements/install.sh "$environment" lock.txt

compile() {
    "$environment/bin/uv" pip compile --quiet --system-certs --universal --generate-hashes --no-annotate \
        --python-version 3.11 --custom-compile-command 'make lock' "$@"
}

compile "$@" --group build -o packaging/requirements/build.txt
compile "$@" --group lock -o packaging/requirements/lock.txt
compile "$@" pyproject.toml -o packaging/requirements/runtime.txt
compile "$@" --group freeze -c packaging/requirements/runtime.txt -c packaging/requirements/build.txt \
    -o packaging/requirements/freeze.txt
compile "$@" pyproject.toml --group dev -c packaging/requirements/runtime.txt -o packaging/requirements/development.txt
