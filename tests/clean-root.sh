#!/usr/bin/env bash
# Runs make targets in a fresh clone inside a clean Debian root that has python3, python3-venv, make and git, no more.
# usage: [MIRROR=URL] tests/clean-root.sh [--uncommitted] [--root] [--suite SUITE] [TARGET...]
#   --uncommitted   the work tree as it stands instead of the current commit
#   --root          as root instead of an ordinary user
#   --suite SUITE   Debian suite, default bookworm
#   TARGET          default: demo test
# Needs root. The base root is kept in the cache; MIRROR overrides the mirror that this machine's apt uses.
set -euo pipefail

packages=python3,python3-venv,make,git,ca-certificates
developer=developer
suite=bookworm
uncommitted=
user=$developer
while [ $# -gt 0 ]; do
    case $1 in
        --uncommitted) uncommitted=yes ;;
        --root) user=root ;;
        --suite) suite=$2; shift ;;
        -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;;
        *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || set -- demo test
[ "$(id -u)" = 0 ] || { echo "clean-root: needs root (debootstrap and chroot do)" >&2; exit 1; }

repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$home/.cache}/aliyun-acr-credential-provider
base=$cache/root-$suite-$(dpkg --print-architecture)-$(sha256sum <<<"$packages $developer" | cut -c1-12).tar.gz
work=$(mktemp -d)
# Mounts live in the mount namespace of the run alone, so nothing outside the folder can be reached from here.
run=
# shellcheck disable=SC2329 # Called by the trap.
end() {
    local first
    if [ -n "$run" ]; then
        # unshare ends when the first process of its namespace has ended, and that one ends after all the others.
        read -r first _ <"/proc/$run/task/$run/children"
        kill -KILL "${first:-$run}"
        wait "$run"
    fi 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
root=$work/root

# Prints the mirror from which this machine's apt takes its own release, in either of apt's two formats.
find_mirror() {
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    {
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true
    } | awk -v codename="$codename" '
        $1 == "deb" { sub(/\[[^]]*\] */, ""); if ($3 == codename && / main( |$)/) { print $2; exit } }' >"$work/mirror"
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v codename="$codename" '
        tolower($1) == "uris:" { uri = $2 }
        tolower($1) == "suites:" { for (i = 2; i <= NF; i++) if ($i == codename && uri) { print uri; exit } }
        /^$/ { uri = "" }' >>"$work/mirror" || true
    head -n 1 "$work/mirror"
}

make_base() {
    local mirror=${MIRROR:-$(find_mirror)}
    [ -n "$mirror" ] || { echo "clean-root: no mirror found in apt's sources; set MIRROR" >&2; exit 1; }
    command -v debootstrap >/dev/null ||
        { apt-get update -qq && apt-get install --yes --no-install-recommends debootstrap; } >/dev/null
    echo "clean-root: making the $suite root"
    debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" "$root/debootstrap/debootstrap.log" >&2; exit 1; }
    chroot "$root" useradd --create-home --shell /bin/bash "$developer"
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
    mkdir -p "$cache"
    tar -C "$root" --one-file-system -czf "$base.$$" .
    mv "$base.$$" "$base"
    rm -rf --one-file-system "$root"
}

# Copies what a program needs to reach the network from here, and prints the settings that hold inside too.
network_settings() {
    local file name value
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [ ! -f "$file" ] || cp -L "$file" "$root$file"
    done
    while IFS='=' read -r -d '' name value; do
        case $name in
            PIP_* | UV_* | SSL_CERT_* | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | *_proxy | *_PROXY) ;;
            *) continue ;;
        esac
        if [ -f "$value" ]; then
            mkdir -p "$root${value%/*}"
            cp -L "$value" "$root$value"
        fi
        # A setting that names a folder of this machine would only mislead.
        case $value in /*) [ -e "$root$value" ] || continue ;; esac
        printf '%s=%s\0' "$name" "$value"
    done < <(env -0)
}

# Puts the sources where the user inside clones or finds them.
bring_sources() {
    if [ "$uncommitted" ]; then
        mkdir "$1/project"
        git -C "$repository" ls-files -z --cached --others --exclude-standard |
            (cd "$repository" && tar --null --verbatim-files-from -T - --ignore-failed-read -cf -) |
            tar -C "$1/project" -xf -
    else
        git -C "$repository" bundle create --quiet "$1/project.bundle" HEAD
    fi
}

[ -f "$base" ] || make_base
mkdir "$root"
tar -C "$root" -xzf "$base"
mapfile -d '' -t settings < <(network_settings)
inside=$(chroot "$root" getent passwd "$user" | cut -d: -f6)
bring_sources "$root$inside"
chroot "$root" chown -R "$user:" "$inside"

cat >"$root/run-targets" <<'SCRIPT'
set -e
cd
[ -d project ] || git -c advice.detachedHead=false -c init.defaultBranch=main clone --quiet project.bundle project
cd project
for target in "$@"; do
    started=$(date +%s)
    echo "clean-root: make $target as $(id -un)"
    make --no-print-directory "$target"
    echo "clean-root: make $target: ok, $(($(date +%s) - started)) s"
done
SCRIPT

cat >"$work/enter" <<'SCRIPT'
set -e
root=$1 user=$2
shift 2
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 devices "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
# No exec: a change of user would make this process forget that it is to end with unshare.
chroot --userspec="$user" "$root" /usr/bin/env -i "$@"
SCRIPT

# The namespaces end with the run: mounts are gone and whatever was started is killed, also after a failure.
# Waited for from the background, so that an interrupted script cleans up at once; with job control, since a program
# started in the background without it ignores SIGINT, and so would the tests.
set -m
unshare --mount --pid --fork --kill-child --propagation private bash "$work/enter" "$root" "$user" \
    HOME="$inside" USER="$user" LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin "${settings[@]}" \
    bash /run-targets "$@" </dev/null &
run=$!
status=0
wait "$run" || status=$?
run=
exit "$status"
