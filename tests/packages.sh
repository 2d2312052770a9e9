#!/bin/sh
# packages.sh NAME...: installs the Debian packages that are missing, and only those.
command -v dpkg-query >/dev/null 2>&1 || exit 0 # another system: its user knows what is there
missing=
for name in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null) in
    *' installed') ;;
    *) missing="$missing $name" ;;
    esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "packages are missing; install them with:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
# The list of packages may be old or absent: install first, and only if that fails fetch a new list and try again.
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $missing >"$log" 2>&1 && exit 0
# shellcheck disable=SC2086
apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends $missing >>"$log" 2>&1 && exit 0
tail -n 20 "$log" >&2
exit 1
