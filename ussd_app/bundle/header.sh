#!/bin/sh
# Mlango for a machine without a network, in one file. Run it:  sh FILE    (sh FILE --help says more)
# A tar.gz follows the last line of this script. It is checked, whole, before anything is unpacked.
set -eu
#facts#

say() { printf 'mlango: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

usage() {
    printf '%s\n' "$title, with all the packages it needs, for Python $pythons on $machine." '' \
        "  sh $0                install it in ~/mlango, or bring the Mlango there up to date" \
        "  sh $0 --to FOLDER    the same in another folder" \
        "  sh $0 --check        only say whether this file is whole"
    [ -z "$programs" ] || printf '%s\n' "  sudo sh $0 --programs" \
        "                       install the programs it brings for $release: $programs"
}

# Unpacked with `-m`: the clock of a box without a network may be behind.
payload() { tail -n "+$skip" "$0"; }

check() {
    [ "$(payload | sha256sum | cut -d ' ' -f 1)" = "$sum" ] || fail "$0 is damaged or incomplete; copy it again."
}

install() {
    [ "$(uname -m)" = "$machine" ] || fail "this file is for $machine; this machine is $(uname -m)."
    check
    mkdir -p "$1" || fail "$1 cannot be made; choose another folder with --to."
    folder=$(CDPATH='' cd "$1" && pwd -P)
    new=$folder/.new
    trap 'rm -rf "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    say "unpacking $title ..."
    { rm -rf "$new" && mkdir "$new" && payload | tar -xzm --no-same-owner --exclude=debian-packages -C "$new"; } ||
        fail "it could not be unpacked in $folder; see above, mend it and run this again."
    if ! python=$(sh "$new/mlango" --find-python); then
        case " $programs " in *" python3 "*) say "This file brings it: sudo sh $0 --programs" ;; esac
        exit 1
    fi
    "$python" -I "$new/ussd_app/bundle/settle.py" "$new" "$folder"
    sh "$folder/mlango" --help >/dev/null
    say "$title is ready. Start it:  $folder/mlango up"
}

# apt decides what of it this machine lacks; the folder is all it sees. (Checked above, hence trusted.)
install_programs() {
    [ -n "$programs" ] || fail "this file brings no programs."
    [ "$(id -u)" = 0 ] || fail "programs are installed by root: sudo sh $0 --programs"
    here=$(. /etc/os-release && echo "$ID ${VERSION_ID-}")
    [ "$here" = "$release" ] || fail "the programs are for $release; this machine runs $here."
    check
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$work" # apt reads as a user of its own
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    payload | tar -xzm --no-same-owner -C "$work" debian-packages || fail "it could not be unpacked in $work; see above."
    echo "deb [trusted=yes] file:$work/debian-packages ./" >"$work/sources"
    apt -qq update
    # shellcheck disable=SC2086 # one argument for each program
    apt -y --no-install-recommends install $programs
    say "installed: $programs."
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -o Dir::Etc::SourceList="$work/sources" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o DPkg::Lock::Timeout=120 "$@" >&2
}

case ${1-}/$# in
    /0) install "$HOME/mlango" ;;
    --to/2) install "$2" ;;
    --check/1) check && say "$0 is whole: $title." ;;
    --programs/1) install_programs ;;
    --help/1 | -h/1) usage ;;
    *) usage >&2; exit 2 ;;
esac
exit
