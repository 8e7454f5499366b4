# shellcheck shell=sh disable=SC2154
# What install.sh and uninstall.sh check alike; read by both, which set $name, $root and fail() before.

# A directory that was given: absolute, plain characters, written in one way. An empty one would mean this machine's own.
check_path() {
    case $2 in
        /?*) ;;
        *) fail "$1: \"$2\" is no absolute path of a directory" ;;
    esac
    case $2 in
        *[!A-Za-z0-9._/-]* | *//* | */./* | */../* | */. | */..)
            fail "$1: $2 has other characters than letters, digits, . _ - and single slashes, or . or .. as a part" ;;
    esac
}

# What is removed below a prefix is removed whole, so the prefix must be a directory of our own.
check_prefix() {
    check_path --prefix "$1"
    [ "${1##*/}" = "$name" ] || fail "--prefix: the last part of $1 must be $name, a directory of its own"
}

# The package manager's files are its own.
check_package() {
    if [ "$1" = "/opt/$name" ] && [ -e "$root/usr/lib/systemd/system/$name-warm.service" ]; then
        fail "$1 belongs to the installed package: use the package manager"
    fi
}

# is_version DIRECTORY: whether it is a version of ours.
is_version() {
    [ -d "$1" ] && [ ! -L "$1" ] && [ -d "$1/_internal" ] && [ -f "$1/sbom.cdx.json" ] && [ -f "$1/$name" ]
}
