#!/usr/bin/env bash
# Runs a command in a root file system of its own; `unshare` gave mount and process namespaces, which end with it.
# usage: enter.sh BASE CHANGES GROUPS COMMAND [ARGUMENT...]
#   BASE     the root, which stays as it is; several folders with a colon between them: the first lies on top
#   CHANGES  folder that keeps what was changed, from run to run
#   GROUPS   control groups, with spaces between them, that everything here is put into: one of each hierarchy
set -euo pipefail

base=$1 changes=$2 groups=$3
shift 3
mkdir -p "$changes"/{upper,work,root}
root=$changes/root
# redirect_dir: folders of the base can be renamed, as on a machine.
mount -t overlay -o "lowerdir=$base,upperdir=$changes/upper,workdir=$changes/work,redirect_dir=on" changes "$root"

# systemd makes groups beside the one it finds itself in, so that one lies within another.
for group in $groups; do
    mkdir -p "$group/inside"
    for folder in "$group" "$group/inside"; do
        # The hierarchy of processors in version 1: nobody enters a group that has none.
        for part in cpus mems; do
            [ ! -f "$folder/cpuset.mem_hardwall" ] || cat "${folder%/*}/cpuset.$part" >"$folder/cpuset.$part"
        done
    done
    # Version 2: what is to be limited within is handed on by each group.
    if [ -f "$group/cgroup.subtree_control" ]; then
        read -ra controllers <"$group/cgroup.controllers" || true
        echo "${controllers[@]/#/+}" >"$group/cgroup.subtree_control"
    fi
    echo $$ >"$group/inside/cgroup.procs"
done

cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 devices dev
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
mkdir -m 1777 dev/shm
mount -t tmpfs -o mode=755 run run
mkdir -p machine
pivot_root . machine
umount -l machine
rmdir machine
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
