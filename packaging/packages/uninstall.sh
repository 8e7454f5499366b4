#!/bin/sh
# Takes away what install.sh put on this node: the program, its units, its state. The configuration stays.
# usage: ./uninstall.sh [--root DIR] [--prefix DIR]   as for install.sh; --prefix, default: both places
set -eu

name=aliyun-acr-credential-provider
root=
prefixes="/opt/$name /var/lib/$name"
fail() { echo "uninstall: $*" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=packaging/packages/checks.sh
. "$here/checks.sh"

while [ $# -gt 0 ]; do
    case $1 in
        --root=*) root=${1#*=}; root=${root%/}; check_path --root "$root" ;;
        --prefix=*) prefixes=${1#*=}; prefixes=${prefixes%/}; check_prefix "$prefixes" ;;
        --root) [ $# -gt 1 ] || fail "$1 wants a directory"; root=${2%/}; check_path --root "$root"; shift ;;
        --prefix) [ $# -gt 1 ] || fail "$1 wants a directory"; prefixes=${2%/}; check_prefix "$prefixes"; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || fail "root is needed"
for prefix in $prefixes; do
    [ ! -d "$root$prefix" ] || check_package "$prefix"
done

if [ -z "$root" ]; then
    # A kubelet whose credential provider is missing does not start. Its flag is one argument, or two, or part of one
    # (k3s: --kubelet-arg=…), or stands in k3s's files.
    flag=--image-credential-provider-bin-dir
    for prefix in $prefixes; do
        if {
            cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -A 1 '^-*\(kubelet-arg=\)\{0,1\}-*[i]mage-credential-provider-bin-dir'
            grep -hs '[i]mage-credential-provider-bin-dir' /etc/rancher/*/config.yaml /etc/rancher/*/config.yaml.d/*
        } | grep -q -e "$prefix/" -e "${prefix}[\"' ]*\$"; then
            fail "the kubelet runs with $flag=$prefix/…, and would not start without it: take that flag and
--image-credential-provider-config away, restart the kubelet, and try again"
        fi
    done
    if [ -d /run/systemd/system ]; then
        systemctl stop "$name-renew.timer" "$name-renew.service" "$name-warm.service" 2>/dev/null || true
    fi
    rm -rf "/run/$name"
fi

units=$root/etc/systemd/system
rm -f "$units/multi-user.target.wants/$name-warm.service" "$units/timers.target.wants/$name-renew.timer"
rm -f "$units/$name-warm.service" "$units/$name-renew.service" "$units/$name-renew.timer"
rm -f "$root/etc/tmpfiles.d/$name.conf"
rmdir "$root/etc/$name" 2>/dev/null || true
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi

for prefix in $prefixes; do
    place=$root$prefix
    rm -f "$place/current" "$place/bin/$name"
    rm -rf "$place/.new.bundle" "$place/.new.damaged" "$place/.new.program" "$place/.new.current"
    for version in "$place"/*; do
        ! is_version "$version" || rm -rf "$version"
    done
    rmdir "$place/bin" "$place" 2>/dev/null || true
done
if [ -d "$root/etc/$name" ]; then
    echo "uninstall: done; the configuration is still in $root/etc/$name"
fi
