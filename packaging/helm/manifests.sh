#!/usr/bin/env bash
# Makes plain manifests of the chart, for clusters without Helm: dist/…-VERSION-manifests.yaml. What the chart looks up
# in a cluster is as in one without acr-configuration; the kinds are those of Kubernetes 1.30 and newer.
# usage: packaging/helm/manifests.sh [VALUES-FILE…]
set -euo pipefail
cd "$(dirname "$0")/../.."

helm=$(packaging/helm/build.sh 4)
name=aliyun-acr-credential-provider
version=$(sed -n 's/^version: //p' packaging/chart/Chart.yaml)
manifests=dist/$name-$version-manifests.yaml

mkdir -p dist
"$helm" template "$name" packaging/chart --namespace kube-system --kube-version 1.30.0 "${@/#/--values=}" >"$manifests.new"
mv "$manifests.new" "$manifests"
echo "manifests: $manifests"
