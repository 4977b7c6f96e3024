#!/bin/sh
# Installs the programs that the tests talk to, where it may: as root or through `sudo -n`, with apt-get.
# Anywhere else it says what is missing and leaves the machine alone. Always ends with 0:
# the tests themselves say which of them need what.
set -u

missing=""
want() { # want PROGRAM PACKAGE...
    program=$1
    shift
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null 2>&1 || missing="$missing $*"
}

want chromium chromium
want dcmdump dcmtk
want dciodvfy dicom3tools
want Orthanc orthanc
[ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing="$missing orthanc-dicomweb"
want redis-server redis-server
want radosgw radosgw
want ceph-mon ceph-mon
want ceph-osd ceph-osd
want ceph ceph-common
want nginx nginx-light

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, and this is no Debian:$missing. The tests that need them are left out."
    exit 0
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Not installed:$missing. To run every test: sudo apt-get install --no-install-recommends$missing"
        exit 0
    fi
    sudo="sudo -n"
fi

echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# The packages start services of their own on fixed ports; 101 tells Debian not to.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null && $sudo chmod 755 "$policy"
fi
$sudo apt-get update -qq </dev/null || echo "apt-get update failed; trying with the list that is here."
# shellcheck disable=SC2086 # a list of names
if ! $sudo apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null; then
    for package in $missing; do
        $sudo apt-get install -qq -y --no-install-recommends "$package" </dev/null >/dev/null ||
            echo "Could not install $package."
    done
fi
[ -z "${made_policy:-}" ] || $sudo rm -f "$policy"
exit 0
