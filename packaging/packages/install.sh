#!/bin/sh
# Runs the program of this archive, wherever that is unpacked: `aliyun-acr-credential-provider install`; under the names
# uninstall.sh and status.sh `uninstall` and `status`. The archive's files stay as they are.
# usage: ./install.sh [OPTION...]    `./install.sh --help` lists them
set -eu
LC_ALL=C
export LC_ALL
umask 022

name=aliyun-acr-credential-provider
archive=$(cd "$(dirname "$0")" && pwd -P)
case ${0##*/} in
    uninstall*) command=uninstall ;;
    status*) command=status ;;
    *) command=install ;;
esac
fail() { echo "$command: $*" >&2; exit 1; }

# run BUNDLE ARGUMENT...: the program names its loader by the place that it is installed to, so it is that loader which
# is started here.
run() {
    bundle=$1
    shift
    set -- "$bundle"/_internal/ld-*.so.* "$bundle/$name" "$@"
    "$@"
}

(cd "$archive/bundle" && sha256sum -c SHA256SUMS >/dev/null 2>&1) || fail "this archive is damaged: unpack it again"
if run "$archive/bundle" version >/dev/null 2>&1; then
    set -- "$archive"/bundle/_internal/ld-*.so.* "$archive/bundle/$name" "$command" "$@"
    exec "$@"
fi

# A file system that runs no program, as /tmp often is (noexec): from a copy elsewhere, which is not there any longer
# than this script.
for folder in /var/lib /opt /var/tmp /run /tmp; do
    for left in "$folder/.$name".[0-9]*; do
        [ -d "/proc/${left##*.}" ] || rm -rf "$left"
    done
    copy=$folder/.$name.$$
    mkdir -m 700 "$copy" 2>/dev/null || continue
    trap 'rm -rf "$copy"' EXIT
    trap 'exit 1' HUP INT TERM
    if cp -RP "$archive/bundle" "$copy/" 2>/dev/null && run "$copy/bundle" version >/dev/null 2>&1; then
        status=0
        run "$copy/bundle" "$command" "$@" || status=$?
        exit "$status"
    fi
    rm -rf "$copy"
done
fail "the program does not run here: it is for another kind of machine, or no file system of this one runs programs"
