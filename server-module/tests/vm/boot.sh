#!/usr/bin/env bash
# Real cards and real clients booted by server-module, in network namespaces of its own (needs root):
#
#   server-module/tests/vm/boot.sh            everything: BIOS and UEFI machines to a Linux shell, four DHCP clients
#   server-module/tests/vm/boot.sh clients    the clients only, a few seconds
#   server-module/tests/vm/boot.sh uefi       the clients and the machine with that firmware; bios likewise
#
# Debian packages: qemu-system-x86 ipxe-qemu ipxe seabios ovmf busybox-static cpio isc-dhcp-client dhcpcd5 udhcpc
# atftp tftp-hpa curl jq. A kernel is taken from the newest linux-image-*-amd64 that apt can download.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-all}
server=${SERVER_MODULE:-}
if [ -z "$server" ]; then
    cargo build -q --manifest-path "$here/../../Cargo.toml"
    server=$(cargo metadata --format-version 1 --no-deps --manifest-path "$here/../../Cargo.toml" | jq -r .target_directory)/debug/server-module
fi
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 0; }
lab=$(mktemp -d); pop=sm-pop-$$; out=sm-out-$$; module=
finish() {
    [ -z "$module" ] || kill "$module" 2>/dev/null || true
    ip netns pids "$pop" 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip netns del "$pop" 2>/dev/null || true; ip netns del "$out" 2>/dev/null || true
    rm -rf "$lab"
}
trap finish EXIT
passed=0; failed=0
told() {
    if [ "$1" = 0 ]; then passed=$((passed + 1)); printf 'ok      %-46s %s\n' "$2" "$3"
    else failed=$((failed + 1)); printf 'FAILED  %-46s %s\n' "$2" "$3"; fi
}
in_pop() { ip netns exec "$pop" "$@"; }
in_out() { ip netns exec "$out" "$@"; }

# The cabinet's network: a bridge in one namespace, what boots in another.
ip netns add "$pop" 2>/dev/null || { echo "skipped: needs network namespaces"; exit 0; }
ip netns add "$out"
in_pop ip link add lan type bridge
in_pop ip addr add 10.1.0.1/16 dev lan
in_pop ip link set lan up; in_pop ip link set lo up
ip link add sm-c type veth peer name sm-p
ip link set sm-c netns "$out"; ip link set sm-p netns "$pop"
in_pop ip link set sm-p master lan up
in_out ip link set lo up; in_out ip link set sm-c up
in_pop ip tuntap add dev tap0 mode tap; in_pop ip link set tap0 master lan up

mkdir -p "$lab/boot"
cat >"$lab/module.toml" <<TOML
[module]
name = "vm-lab"
state = "state"
[network]
internal = "10.1.0.0/16"
address = "10.1.0.1"
[listen]
http = ["10.1.0.1:8080"]
dhcp = "lan"
tftp = ["10.1.0.1:69"]
[dhcp]
boot = [
    { arch = "*", ipxe = true, file = "boot.ipxe" },
    { arch = "7", file = "snponly.efi" },
    { arch = "0", file = "undionly.kpxe" },
]
[tftp]
root = "boot"
[[card]]
position = "1.9"
[[card]]
position = "2.1"
mac = "52:54:00:00:02:01"
[[card]]
position = "2.2"
mac = "52:54:00:00:02:02"
$(for n in 1 2 3 4; do printf '[[card]]\nposition = "3.%s"\nmac = "52:54:00:00:03:0%s"\n' $n $n; done)
[[service]]
name = "shop"
sid = ["www.sell.com"]
cards = ["2.1", "2.2", "3.1", "3.2", "3.3", "3.4"]
TOML
SERVER_MODULE_LOG=debug in_pop "$server" run --config "$lab/module.toml" >"$lab/module.log" 2>&1 &
module=$!
for _ in $(seq 100); do grep -q "is ready" "$lab/module.log" && break; sleep 0.1; done
grep -q "is ready" "$lab/module.log" || { cat "$lab/module.log"; exit 1; }

# Four DHCP clients as distributions ship them, each as a card of chassis 3, then four TFTP clients.
client() {
    local number=$1 name=$2; shift 2
    in_out ip link set sm-c down
    in_out ip link set sm-c address "52:54:00:00:03:0$number" up
    in_out ip addr flush dev sm-c
    local got=0
    (cd "$lab" && in_out timeout 30 "$@") >"$lab/$name.log" 2>&1 || got=$?
    in_out ip -4 -o addr show dev sm-c | grep -q "10.1.3.$number/16" || { got=1; tail -5 "$lab/$name.log"; }
    told "$got" "$name takes card 3.$number's address" "$(in_out ip -4 -o addr show dev sm-c | awk '{print $4}')"
}
cat >"$lab/take" <<'SH'
#!/bin/sh
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface"; exit 0
SH
chmod +x "$lab/take"
client 1 udhcpc busybox udhcpc -q -n -t 10 -i sm-c -s "$lab/take"
if command -v dhclient >/dev/null; then
    client 2 dhclient dhclient -1 -4 -sf "$here/dhclient-script" -lf "$lab/dhclient.leases" -pf "$lab/dhclient.pid" sm-c
    [ ! -f "$lab/dhclient.pid" ] || kill "$(cat "$lab/dhclient.pid")" 2>/dev/null || true
fi
if command -v dhcpcd >/dev/null; then
    client 3 dhcpcd dhcpcd -4 -1 -B -t 20 --noarp --nohook resolv.conf,hostname sm-c
fi
client 4 "udhcpc-again" busybox udhcpc -q -n -t 10 -i sm-c -s "$lab/take"
in_out ip addr add 10.1.3.4/16 dev sm-c 2>/dev/null || true
dd if=/dev/urandom of="$lab/boot/big" bs=1000 count=3000 status=none
fetch() {
    local name=$1 got=0; shift
    rm -f "$lab/fetched"
    (cd "$lab" && in_out timeout 60 "$@") >"$lab/fetch.log" 2>&1 || got=$?
    cmp -s "$lab/boot/big" "$lab/fetched" || got=1
    told "$got" "$name reads 3 MB by TFTP" "$(stat -c %s "$lab/fetched" 2>/dev/null || tail -1 "$lab/fetch.log")"
}
fetch curl curl -s -o fetched --tftp-blksize 1428 tftp://10.1.0.1/big
fetch busybox busybox tftp -g -b 1428 -r big -l fetched 10.1.0.1
! command -v atftp >/dev/null || fetch atftp atftp -g -r big -l fetched --option "windowsize 16" --option "blksize 1428" 10.1.0.1
! command -v tftp >/dev/null || fetch tftp-hpa tftp -m binary 10.1.0.1 -c get big fetched
[ "$what" = clients ] && { echo "$passed ok, $failed failed"; exit "$((failed > 0))"; }

# Machines. The kernel's e1000 driver is the only module that the card needs.
(cd "$lab" && newest=$(apt-cache search --names-only '^linux-image-6[0-9.-]*-amd64-unsigned$' | awk '{print $1}' | sort -V | tail -1) &&
    apt-get download -qq "$newest" && dpkg -x linux-image-*.deb kernel && rm -f linux-image-*.deb) >"$lab/apt.log" 2>&1 || { cat "$lab/apt.log"; exit 1; }
mkdir -p "$lab/disk/bin" "$lab/disk/proc" "$lab/disk/sys" "$lab/disk/dev" "$lab/disk/tmp"
cp /bin/busybox "$lab/disk/bin/busybox"
cp "$here/init" "$lab/disk/init"; cp "$here/lease" "$lab/disk/lease"; chmod +x "$lab/disk/init" "$lab/disk/lease"
find "$lab/kernel" -name e1000.ko -exec cp {} "$lab/disk/e1000.ko" \;
(cd "$lab/disk" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$lab/boot/initrd.gz"
cp "$lab"/kernel/boot/vmlinuz-* "$lab/boot/vmlinuz"
cp /usr/lib/ipxe/snponly.efi /usr/lib/ipxe/undionly.kpxe "$lab/boot/"
cat >"$lab/boot/boot.ipxe" <<'IPXE'
#!ipxe
kernel tftp://${next-server}/vmlinuz console=ttyS0 panic=1 quiet initrd=initrd.gz
initrd tftp://${next-server}/initrd.gz
boot
IPXE
machine() {
    local name=$1 mac=$2 expected=$3 limit=$4 got=0 began=$SECONDS; shift 4
    in_pop timeout "$limit" qemu-system-x86_64 -accel tcg -nodefaults -m 512 -display none -serial "file:$lab/$name.serial" -no-reboot \
        -netdev tap,id=n0,ifname=tap0,script=no,downscript=no "$@" >"$lab/$name.log" 2>&1 || got=$?
    grep -qa "$expected" "$lab/$name.serial" || got=1
    ! grep -qa "CARD FAILED" "$lab/$name.serial" || got=1
    [ "$got" = 0 ] || { tail -c 600 "$lab/$name.serial"; tail -3 "$lab/$name.log"; }
    told "$got" "$name from power-on to its files" "$((SECONDS - began)) s: $(grep -a '^CARD' "$lab/$name.serial" | tr -d '\r' | tail -1)"
}
[ "$what" = uefi ] || machine bios-ipxe 52:54:00:00:02:01 "CARD 2.1 at 10.1.2.1 has 8 files" 180 -machine pc \
    -device e1000,netdev=n0,mac=52:54:00:00:02:01,bootindex=0,romfile=/usr/lib/ipxe/qemu/pxe-e1000.rom
cp /usr/share/OVMF/OVMF_VARS_4M.fd "$lab/vars.fd"
[ "$what" = bios ] || machine uefi 52:54:00:00:02:02 "CARD 2.2 at 10.1.2.2 has 8 files" 400 -machine q35 \
    -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive if=pflash,format=raw,file="$lab/vars.fd" \
    -device e1000,netdev=n0,mac=52:54:00:00:02:02,bootindex=0,romfile=/usr/lib/ipxe/qemu/efi-e1000.rom
[ "$failed" = 0 ] || { grep -aE 'dhcp|tftp|WARN|ERROR' "$lab/module.log" | tail -${LOG_LINES:-40}; }
echo "$passed ok, $failed failed"
exit "$((failed > 0))"
