#!/usr/bin/env bash
# Prints where a root with these Debian packages is kept, as an archive in the cache; makes it where it is missing.
# Needs root; installs debootstrap where that is missing.
# usage: [MIRROR=URL] tests/systems/root.sh NAME PACKAGE,PACKAGE,...
set -euo pipefail

name=$1 packages=$2
suite=bookworm
home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$home/.cache}/aliyun-acr-credential-provider
base=$cache/$name-$suite-$(dpkg --print-architecture)-$(sha256sum <<<"$packages" | cut -c1-12).tar.gz

if [ ! -f "$base" ]; then
    command -v debootstrap >/dev/null ||
        { apt-get update -qq && apt-get install --yes --no-install-recommends debootstrap; } >/dev/null
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    echo "$name: making the $suite root" >&2
    # Mounts that debootstrap leaves behind end with the namespace.
    # shellcheck disable=SC2086 # No mirror: none given.
    unshare --mount --pid --fork --kill-child --propagation private \
        debootstrap --variant=minbase --include="$packages" "$suite" "$work/root" ${MIRROR:-} >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" "$work/root/debootstrap/debootstrap.log" >&2; exit 1; }
    rm -rf "$work/root"/var/cache/apt/* "$work/root"/var/lib/apt/lists/*
    mkdir -p "$cache"
    tar -C "$work/root" --one-file-system -czf "$base.$$" .
    mv "$base.$$" "$base"
fi
echo "$base"
