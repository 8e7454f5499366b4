# Put into prerm and postrm by build.sh.
# shellcheck shell=sh disable=SC2154
# Tells whether a process of this system, not of a container, runs this version.
is_running() {
    here=$(stat -L -c %d:%i /)
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null) in
            "$place/@VERSION@/"*) ;;
            *) continue ;;
        esac
        if [ "$(stat -L -c %d:%i "$process/root" 2>/dev/null)" = "$here" ]; then
            return 0
        fi
    done
    return 1
}

# A pull that began with this version reads its files until it ends, which takes 45 seconds at most.
wait_for_pulls() {
    left=50
    while [ "$left" -gt 0 ] && is_running; do
        sleep 1
        left=$((left - 1))
    done
}
