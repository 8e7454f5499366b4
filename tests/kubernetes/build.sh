#!/usr/bin/env bash
# Prints the paths of programs of Kubernetes, one a line, built from Go modules into the cache where they are missing:
# static, so that they run in any root. About 4 minutes for a kubelet on 2 cores, less for the others.
# usage: tests/kubernetes/build.sh VERSION kubelet|kube-apiserver|kube-controller-manager|kube-scheduler|kubectl…
set -euo pipefail
cd "$(dirname "$0")"

if [ $# -lt 2 ] || [ ! -f "$1/go.sum" ]; then
    echo "usage: ${0##*/} $(echo [0-9]*/ | tr -d / | tr ' ' '|') PROGRAM…" >&2
    exit 2
fi
version=$1
shift

versions=k8s.io/component-base/version
minor=${version#*.}
ldflags="-s -w -X $versions.gitVersion=v$version -X $versions.gitMajor=1 -X $versions.gitMinor=${minor%.*}"
export CGO_ENABLED=0

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
key=$({ cat "$version/go.sum"; echo "$CGO_ENABLED -trimpath $ldflags"; } | sha256sum | cut -c1-12)
programs=${XDG_CACHE_HOME:-$home/.cache}/aliyun-acr-credential-provider/kubernetes-$version-$key
mkdir -p "$programs"

for program; do
    if [ ! -x "$programs/$program" ]; then
        command -v go >/dev/null ||
            { echo "$program: go is missing ($(sed -n 's/^go //p' "$version/go.mod") or newer)" >&2; exit 1; }
        (
            flock 9
            [ ! -x "$programs/$program" ] || exit 0 # another caller has built it in the meantime
            echo "$program $version: building it" >&2
            cd "$version"
            go build -mod=readonly -trimpath -ldflags "$ldflags" -o "$programs/$program.new" "k8s.io/kubernetes/cmd/$program"
            mv "$programs/$program.new" "$programs/$program"
        ) 9>"$programs/$program.lock"
    fi
    echo "$programs/$program"
done
