#!/usr/bin/env bash
# Runs a command in a root file system of its own; `unshare` gave mount and process namespaces, which end with it.
# usage: enter.sh BASE CHANGES CGROUP COMMAND [ARGUMENT...]
#   BASE     the root, which stays as it is
#   CHANGES  folder that keeps what was changed, from run to run
#   CGROUP   name of a control group that everything here is put into
set -euo pipefail

base=$1 changes=$2 group=$3
shift 3
mkdir -p "$changes"/{upper,work,root}
root=$changes/root
mount -t overlay -o "lowerdir=$base,upperdir=$changes/upper,workdir=$changes/work" changes "$root"

# systemd makes groups beside the one it finds itself in, on the unified tree and on the old one's.
for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    if [ -f "$tree/cgroup.procs" ]; then
        mkdir -p "$tree/$group/inside"
        echo $$ >"$tree/$group/inside/cgroup.procs"
    fi
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
