#!/usr/bin/env bash
# Prints where the root is kept, as an archive in the cache, in which the packages and the image are tried: Debian with
# systemd, rpm, skopeo, buildah and containerd. Makes it where it is missing. Needs root.
# usage: [MIRROR=URL] tests/packages/root.sh
set -euo pipefail

# netavark: skopeo's package wants any container network, and debootstrap does not choose.
packages=systemd,systemd-sysv,systemd-container,dbus,rpm,skopeo,buildah,netavark,containerd,runc,iproute2
suite=bookworm
cache=${XDG_CACHE_HOME:-$HOME/.cache}/aliyun-acr-credential-provider
base=$cache/packages-$suite-$(dpkg --print-architecture)-$(sha256sum <<<"$packages" | cut -c1-12).tar.gz

if [ ! -f "$base" ]; then
    command -v debootstrap >/dev/null ||
        { apt-get update -qq && apt-get install --yes --no-install-recommends debootstrap; } >/dev/null
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    echo "packages: making the $suite root" >&2
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
