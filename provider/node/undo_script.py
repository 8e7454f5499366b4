"""The text of undo.sh, with names in @ for what differs from change to change; see undo.py."""

TEMPLATE = """\
#!/bin/sh
# Puts this node back to what it was before a change of @PROGRAM@, and tells systemd.
# usage: sh undo.sh [locked | now] [ROOT]
#   locked   by whoever has the lock
#   now      that, and whatever the kubelet's health
mode=$1
root=$2
node=$root@NODE@
generation=@GENERATION@
unit=@UNIT@
# Whether the kubelet ran before the change.
ran=@RAN@
restart=
failed=
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 077

say() { echo "@PROGRAM@: $*"; }
has_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
finish() {
    ! has_systemd || systemctl --no-block stop @TIMER@ 2>/dev/null
    exit 0
}

# Not while the installer is at work; but it may be hung.
if [ -z "$mode" ] && command -v flock >/dev/null && exec 9<"$node"; then
    left=@LOCK_SECONDS@
    until flock -n 9 || [ "$left" = 0 ]; do
        sleep 1
        left=$((left - 1))
    done
fi
# Whoever had it may have gone on to another change.
[ "$(readlink "$node/pending")" = "$generation" ] || exit 0

# look: main, the kubelet's process; age, in seconds; after=yes where it was started after the change.
look() {
    main=$(systemctl show --property=MainPID "$unit") || exit 1
    main=${main#MainPID=}
    case $unit in
        # Its kubelet is a process of its own, which it starts again and again.
        rke2-*)
            main=0
            for each in /proc/[0-9]*; do
                if [ "$(cat "$each/comm" 2>/dev/null)" = kubelet ] && grep -qs "/$unit" "$each/cgroup"; then
                    main=${each#/proc/}
                fi
            done
            ;;
    esac
    age=0
    after=
    if [ "${main:-0}" -gt 0 ] && read -r stat 2>/dev/null <"/proc/$main/stat"; then
        # Behind the program's name: the 20th word is the start, in hundredths of a second since boot.
        # shellcheck disable=SC2086
        set -- ${stat##*) }
        read -r up rest </proc/uptime
        age=$((${up%.*} - ${20} / 100))
        read -r boot moment <"$node/$generation/@UNPROVEN@"
        read -r this </proc/sys/kernel/random/boot_id
        if [ "$boot" != "$this" ] || [ $((${20} / 100)) -ge "$moment" ]; then after=yes; fi
    fi
}

# Whether somebody stopped the kubelet, or a boot has not started it yet: that proves nothing.
is_stopped() {
    state=$(systemctl show --property=ActiveState --property=Result "$unit") || exit 1
    case $state in *ActiveState=inactive*) ;; *) return 1 ;; esac
    case $state in *Result=success*) return 0 ;; *) return 1 ;; esac
}

# Whether a kubelet that never ran before gives up for a reason that is ours.
is_our_fault() {
    [ "$ran" ] || journalctl --unit="$unit" --lines=200 --quiet 2>/dev/null |
        grep -qi -e 'CRI auth plugins' -e 'credential provider config' -e 'image credential provider'
}

[ ! -e "$node/$generation/@RESTARTING@" ] || restart=yes
if [ "$mode" != now ] && @COMMITTED@; then
    if [ ! -e "$node/$generation/@UNPROVEN@" ]; then
        rm -f "$node/pending"
        finish
    fi
    has_systemd || exit 0
    ! is_stopped || finish
    left=@WATCH_SECONDS@
    look
    # An old kubelet runs on: what the next one will do is still to be seen.
    [ "$after" ] || [ "${main:-0}" = 0 ] || finish
    while [ "$age" -lt @STEADY_SECONDS@ ] && [ "$left" -gt 0 ]; do
        sleep 1
        left=$((left - 1))
        look
    done
    if [ "$age" -ge @STEADY_SECONDS@ ]; then
        rm -f "$node/$generation/@UNPROVEN@" "$node/pending"
        finish
    fi
    if is_stopped || ! is_our_fault; then finish; fi
    say "the kubelet does not stay since the change: it is undone"
    ran=yes
    restart=yes
fi

# Right after the change everything comes back byte for byte. Later, what others have made of a file since stays.
force=
if [ "$mode" = now ] || [ -e "$node/$generation/@RESTARTING@" ]; then force=yes; fi

beside() { echo "$root${1%/*}/.${1##*/}.undo.new"; }

# stage_file PATH BEFORE AFTER: copies in the change's folder; AFTER empty: the change took the file away.
stage_file() {
    new=$(beside "$1")
    rm -f "$new"
    if cmp -s "$node/$generation/$2" "$root$1"; then return; fi
    if [ -z "$force" ] && [ "$3" ] && ! cmp -s "$node/$generation/$3" "$root$1"; then
        stage_rest "$1" "$3"
        return
    fi
    if [ -z "$force" ] && [ -z "$3" ] && [ -e "$root$1" ]; then return; fi
    cp -p "$node/$generation/$2" "$new" || fail "$1"
}

# stage_rest PATH AFTER: what others have changed since keeps all but our flags.
stage_rest() {
    new=$(beside "$1")
    rm -f "$new"
    if [ ! -f "$root$1" ] || cmp -s "$node/$generation/$2" "$root$1"; then return; fi
    say "$1 was changed by others since: only our flags are taken out"
    { cp -p "$root$1" "$new" && sed @WITHOUT_WORDS@ "$root$1" >"$new"; } || fail "$1"
}

stage_link() {
    new=$(beside "$1")
    rm -f "$new"
    ln -s "$2" "$new" || fail "$1"
}

have_folder() {
    if [ -d "$root$1" ]; then return; fi
    { mkdir "$root$1" && chown "$2" "$root$1" && chmod "$3" "$root$1"; } || fail "$1"
}

# Nothing is taken away before everything that is to be there again is: flags must never name what is gone.
fail() {
    say "$1 could not be put back: is the disk full, or read-only? Nothing was undone"
    failed=yes
}

@STAGING@
[ -z "$failed" ] || exit 1

come_back() {
    new=$(beside "$1")
    if [ ! -e "$new" ] && [ ! -L "$new" ]; then return; fi
    mv -fT "$new" "$root$1" || failed=yes
    ! command -v restorecon >/dev/null || restorecon "$root$1"
}
@BACK@
[ -z "$failed" ] || exit 1

# remove_file PATH AFTER: unless others have put something into it.
remove_file() {
    if [ -d "$root$1" ]; then return; fi
    if [ "$force" ] || cmp -s "$node/$generation/$2" "$root$1"; then rm -f "$root$1" || failed=yes; fi
}
@REMOVAL@
@INSTALLED@
[ -z "$failed" ] || exit 1

say "what was before the change is back"
if has_systemd; then
    systemctl daemon-reload
    # A kubelet that gave up, or that was started with the change.
    if [ "$restart" ] || { [ "$ran" ] && ! systemctl --quiet is-active "$unit"; }; then
        systemctl reset-failed "$unit" 2>/dev/null
        systemctl --no-block restart "$unit"
    fi
fi
rm -f "$node/pending"
# Last, and waited for by nobody: a network's file system may hang.
sync >/dev/null 2>&1 &
finish
"""
