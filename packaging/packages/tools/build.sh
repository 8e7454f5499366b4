#!/usr/bin/env bash
# Prints the path of a Go program that go.mod here pins, built into the cache when that is done for the first time.
# usage: packaging/packages/tools/build.sh nfpm|actionlint
set -euo pipefail
cd "$(dirname "$0")"

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
tools=${XDG_CACHE_HOME:-$home/.cache}/aliyun-acr-credential-provider/tools-$(sha256sum go.mod go.sum | sha256sum | cut -c1-12)

if [ ! -x "$tools/$1" ]; then
    command -v go >/dev/null || { echo "$1: go is missing ($(sed -n 's/^go //p' go.mod) or newer)" >&2; exit 1; }
    echo "$1: building it" >&2
    package=$(sed -n "s|^\t_ \"\(.*/cmd/$1\)\"$|\1|p" tools.go)
    mkdir -p "$tools"
    CGO_ENABLED=0 go build -mod=readonly -trimpath -o "$tools/$1.$$" "$package"
    mv "$tools/$1.$$" "$tools/$1"
fi
echo "$tools/$1"
