#!/bin/bash
# Tries a release archive as a new user on a bare system: a root file system of debootstrap, user nobody, no network.
#
#   debootstrap --variant=minbase bookworm ROOT
#   tools/release/bare.sh ROOT ARCHIVE
#
# Needs root and unshare. With the words inside, it is what runs in there.
set -eu
if [ "$1" != inside ]; then
    root=$1 archive=$2
    cp "$archive" "$root/tmp/fovea.tar.gz"
    cp "$0" "$root/tmp/bare.sh"
    exec unshare --net --pid --fork --mount bash -euc '
        ip link set lo up
        mount -t proc proc "$1/proc"
        exec chroot --userspec=65534:65534 "$1" /usr/bin/env -i PATH=/usr/bin:/bin bash /tmp/bare.sh inside' - "$root"
fi

timed() { # COMMAND... : shows a command, its last lines and its time
    printf '$ %s\n' "$*"
    local begin=$EPOCHREALTIME code=0
    "$@" 2>&1 | tail -n "${lines:-12}" || code=$?
    printf '(%s s)\n\n' "$(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $begin}")"
    return $code
}

set -o pipefail
printf 'user %s, groups %s\n' "$(id -un)" "$(id -Gn)"
for missing in go gcc cc python3 python pip curl; do
    if command -v "$missing"; then exit 1; fi
done
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then exit 1; fi
printf 'no go, gcc, python, pip, curl or certificates; interfaces: %s\n\n' "$(ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')"

begin=$EPOCHREALTIME
mkdir -p /tmp/try && cd /tmp/try
timed tar xf /tmp/fovea.tar.gz --strip-components=1
timed cat VERSION
timed ./trainer version
timed ./trainer doctor
lines=4 timed ./trainer -config docs/oct.toml
lines=4 timed ./trainer -config configs/retinamnist.toml -set schedule.epochs=6 -set schedule.warmup=1
timed ls runs/retinamnist
timed ./trainer report -run runs/retinamnist -checklist tripod-ai
lines=4 timed ./trainer predict -model runs/retinamnist/model.onnx data/testdata/retinamnist/test

image=$(find data/testdata/retinamnist/test -name '*.png' | sort | head -n 1)
printf '$ ./trainer serve -model runs/retinamnist/model.onnx &\n'
./trainer serve -model runs/retinamnist/model.onnx 2> serve.log &
server=$!
for _ in $(seq 100); do
    if { exec 3<> /dev/tcp/127.0.0.1/8080; } 2>/dev/null; then break; fi
    sleep 0.1
done
printf '$ POST %s to http://127.0.0.1:8080/predict\n' "$image"
{
    printf 'POST /predict HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nContent-Length: %s\r\n\r\n' "$(stat -c %s "$image")"
    cat "$image"
} >&3
tr -d '\r' <&3
printf '\n'
kill -TERM "$server"
wait "$server" || true
cat serve.log
printf '\nin all %s s, without the copy of the archive\n' "$(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $begin}")"
