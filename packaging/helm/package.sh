#!/usr/bin/env bash
# Makes dist/…-VERSION.tgz of the chart, the same bytes of the same chart.
# usage: packaging/helm/package.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

helm=$(packaging/helm/build.sh 4)
name=aliyun-acr-credential-provider
version=$(sed -n 's/^version: //p' packaging/chart/Chart.yaml)
archive=dist/$name-$version.tgz

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$helm" package packaging/chart --destination "$folder" >/dev/null
tar -xzf "$folder/$name-$version.tgz" -C "$folder"
mkdir -p dist
# Helm gives each file the time of now.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
LC_ALL=C tar --create --format=ustar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --directory="$folder" "$name" | gzip -9 --no-name >"$archive"
echo "chart: $archive"
