#!/usr/bin/env bash
# Prints where the root of the nodes is kept: Debian with systemd and containerd. Makes it where it is missing. Needs root.
# usage: [MIRROR=URL] tests/e2e/root.sh
set -euo pipefail

node=systemd,systemd-sysv,dbus,containerd,runc,iproute2,procps,ca-certificates
# What the tests need beside it: what boots the node, the registry, the API server's store, what is in the images, what
# kills at a step, what gives pods a network of their own.
tools=systemd-container,docker-registry,etcd-server,busybox-static,strace,containernetworking-plugins
exec "$(dirname "$0")/../systems/root.sh" e2e "$node,$tools"
