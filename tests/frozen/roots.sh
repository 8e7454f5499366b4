#!/usr/bin/env bash
# Makes the roots that the frozen program is tried in, as archives in the cache: Debian with the modules that find names.
# usage: [MIRROR=URL] tests/frozen/roots.sh [SUITE...]
#   SUITE   default: bullseye bookworm trixie; older ones where the mirror still has them
# Needs root, and does nothing without: the tests of the roots that are missing are then skipped, and say so.
set -euo pipefail

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$home/.cache}/aliyun-acr-credential-provider
[ $# -gt 0 ] || set -- bullseye bookworm trixie

make_root() {
    local suite=$1 archive=$2 work
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # This run's folder.
    trap "rm -rf --one-file-system '$work'" EXIT
    echo "roots: making $suite"
    # shellcheck disable=SC2016 # For the inner shell.
    # The packages' own scripts run in namespaces that end with the run, and so do their mounts.
    unshare --mount --pid --fork --kill-child --propagation private bash -ec '
        debootstrap --variant=minbase --include=ca-certificates,libnss-myhostname "$1" "$2" ${3:+"$3"}
        # Its file alone: its packages want a running systemd.
        chroot "$2" sh -ec "cd /tmp && apt-get download libnss-resolve && dpkg-deb --extract libnss-resolve_*.deb /"
    ' make_root "$suite" "$work/root" "${MIRROR:-}" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; exit 1; }
    rm -rf "$work/root"/{tmp/*,var/cache/apt,var/lib/apt/lists,usr/share/doc,usr/share/locale,usr/share/man,dev}
    mkdir -p "$cache" "$work/root/dev"
    tar -C "$work/root" --one-file-system -czf "$archive.$$" .
    mv "$archive.$$" "$archive"
}

for suite in "$@"; do
    archive=$cache/frozen-$suite-$(dpkg --print-architecture).tar.gz
    [ ! -f "$archive" ] || continue
    if [ "$(id -u)" != 0 ]; then
        echo "roots: only root can make $suite: its tests are skipped" >&2
        continue
    fi
    command -v debootstrap >/dev/null ||
        { apt-get update -qq && apt-get install --yes --no-install-recommends debootstrap; } >/dev/null
    (make_root "$suite" "$archive")
done
