#!/usr/bin/env bash
# Prints where the root is kept in which the packages and the image are tried: Debian with systemd, rpm, skopeo, buildah
# and containerd. Makes it where it is missing. Needs root.
# usage: [MIRROR=URL] tests/packages/root.sh
set -euo pipefail

# netavark: skopeo's package wants any container network, and debootstrap does not choose.
packages=systemd,systemd-sysv,systemd-container,dbus,rpm,skopeo,buildah,netavark,containerd,runc,iproute2
exec "$(dirname "$0")/../systems/root.sh" packages "$packages"
