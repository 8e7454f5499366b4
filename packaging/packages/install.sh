#!/bin/sh
# Installs the program on this node, from wherever this archive is unpacked. The kubelet is left alone.
# usage: ./install.sh [--root DIR] [--prefix DIR]
#   --root DIR     into the tree of an image instead of the running system
#   --prefix DIR   default: /opt/aliyun-acr-credential-provider; /var/lib/… where /opt cannot be written
set -eu
LC_ALL=C
export LC_ALL
umask 022

name=aliyun-acr-credential-provider
archive=$(cd "$(dirname "$0")" && pwd)
version=$(cat "$archive/VERSION")
root=
prefix=
say() { echo "install: $*"; }
fail() { echo "install: $*" >&2; exit 1; }
# shellcheck source=packaging/packages/checks.sh
. "$archive/checks.sh"

while [ $# -gt 0 ]; do
    case $1 in
        --root=*) root=${1#*=}; root=${root%/}; check_path --root "$root" ;;
        --prefix=*) prefix=${1#*=}; prefix=${prefix%/}; check_prefix "$prefix" ;;
        --root) [ $# -gt 1 ] || fail "$1 wants a directory"; root=${2%/}; check_path --root "$root"; shift ;;
        --prefix) [ $# -gt 1 ] || fail "$1 wants a directory"; prefix=${2%/}; check_prefix "$prefix"; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || fail "root is needed"
(cd "$archive/bundle" && sha256sum -c ../bundle.sha256 >/dev/null) || fail "this archive is damaged: unpack it again"

if [ -z "$prefix" ]; then
    prefix=/opt/$name
    { mkdir -p "$root$prefix" && [ -w "$root$prefix" ]; } 2>/dev/null || prefix=/var/lib/$name
fi
check_package "$prefix"
place=$root$prefix
mkdir -p "$place/bin"
# One installation at a time, and what an earlier one left behind is nobody's.
if command -v flock >/dev/null; then
    exec 9<"$place"
    flock 9
fi
rm -rf "$place/.new.bundle" "$place/.new.damaged" "$place/.new.program" "$place/.new.current"

# number FILE OFFSET BYTES: prints an integer of an ELF file, which has this machine's order of bytes.
number() { od -An -tu"$3" -j"$2" -N"$3" "$1" | tr -d ' '; }

# set_loader FILE DIRECTORY: lets the program name its loader there. The build leaves room behind the path, up to which
# all is filled with NULs; nothing else changes.
set_loader() {
    entry=$(number "$1" 32 8)
    entries=$(number "$1" 56 2)
    while [ "$(number "$1" "$entry" 4)" != 3 ]; do
        entries=$((entries - 1))
        [ "$entries" -gt 0 ] || fail "the program names no loader"
        entry=$((entry + $(number "$1" 54 2)))
    done
    start=$(number "$1" $((entry + 8)) 8)
    room=$(number "$1" $((entry + 32)) 8)
    loader=$(dd if="$1" bs=1 skip="$start" count="$room" 2>/dev/null | tr -d '\0')
    loader=$2/${loader##*/}
    [ ${#loader} -lt "$room" ] || fail "$2 is too long: there is room for $((room - 1)) bytes"
    {
        printf %s "$loader"
        dd if=/dev/zero bs=1 count=$((room - ${#loader})) 2>/dev/null
    } | dd of="$1" bs=1 seek="$start" conv=notrunc 2>/dev/null
}

sum() { sha256sum <"$1"; }

# The program is the one file that differs by place.
program=$place/.new.program
cp "$archive/bundle/$name" "$program"
set_loader "$program" "$prefix/$version/_internal"

is_installed() {
    [ -f "$place/$version/$name" ] && [ "$(sum "$place/$version/$name")" = "$(sum "$program")" ] &&
        grep -v " \./$name$" "$archive/bundle.sha256" | (cd "$place/$version" && sha256sum -c - >/dev/null 2>&1)
}

if is_installed; then
    rm "$program"
else
    cp -RP "$archive/bundle" "$place/.new.bundle"
    mv "$program" "$place/.new.bundle/$name"
    chmod -R u=rwX,go=rX "$place/.new.bundle"
    # On the disk before anything points there.
    sync
    [ ! -e "$place/$version" ] || mv "$place/$version" "$place/.new.damaged"
    mv "$place/.new.bundle" "$place/$version"
    rm -rf "$place/.new.damaged"
fi

# Nothing is switched to a program that does not run here: another machine's, or a file system that runs nothing.
if [ -z "$root" ] && ! "$place/$version/$name" version >/dev/null 2>&1; then
    fail "the program does not run here ($place/$version/$name version): nothing was switched to it"
fi

before=$(readlink "$place/current" || true)
[ "$(readlink "$place/bin/$name" || true)" = "../current/$name" ] || ln -sfn "../current/$name" "$place/bin/$name"
if [ "$before" != "$version" ]; then
    ln -s "$version" "$place/.new.current"
    mv -T "$place/.new.current" "$place/current"
    # The previous version stays: pulls that began with it still read its files, and one can go back to it.
    for other in "$place"/*/"$name"; do
        other=${other%/*}
        case ${other##*/} in
            "$version" | "$before" | current | bin | '*') ;;
            *) ! is_version "$other" || rm -rf "$other" ;;
        esac
    done
fi

# place_file SOURCE DIRECTORY MODE: puts a file there with our prefix in it; tells whether that changed anything.
place_file() {
    target=$root$2/${1##*/}
    { mkdir -p "$root$2" && sed "s|/opt/$name/|$prefix/|g" "$1" >"$root$2/.new.${1##*/}" &&
        chmod "$3" "$root$2/.new.${1##*/}"; } || fail "$target cannot be written"
    if [ -f "$target" ] && [ "$(sum "$target")" = "$(sum "$root$2/.new.${1##*/}")" ]; then
        rm "$root$2/.new.${1##*/}"
        return 1
    fi
    mv "$root$2/.new.${1##*/}" "$target" || fail "$target cannot be written"
}

units=/etc/systemd/system
changed=
for unit in "$archive"/systemd/*; do
    place_file "$unit" "$units" 644 && changed=yes
done
place_file "$archive/tmpfiles.d/$name.conf" /etc/tmpfiles.d 644 || true
[ -d "$root/etc/$name" ] || mkdir -m 700 "$root/etc/$name"
if [ -z "$before" ]; then
    # Not at an upgrade: what somebody disabled stays so.
    for wanted in "multi-user.target.wants/$name-warm.service" "timers.target.wants/$name-renew.timer"; do
        mkdir -p "$root$units/${wanted%/*}"
        ln -sfn "$units/${wanted#*/}" "$root$units/$wanted"
    done
fi

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemd-tmpfiles --create "/etc/tmpfiles.d/$name.conf"
    [ -z "$changed" ] || systemctl daemon-reload
    if [ -e "$units/timers.target.wants/$name-renew.timer" ]; then
        systemctl start "$name-renew.timer"
    fi
fi

if [ "$before" = "$version" ]; then
    say "version $version was installed in $prefix"
else
    say "version $version is installed in $prefix${before:+, was $before}"
fi
say "the kubelet was not touched. It runs the program when it is started with these two flags:"
say "  --image-credential-provider-config=FILE (example: CredentialProviderConfig.yaml of this archive)"
say "  --image-credential-provider-bin-dir=$prefix/bin"
