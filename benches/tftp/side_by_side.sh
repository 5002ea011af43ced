#!/usr/bin/env bash
# TFTP servers side by side on loopback: 280 clients of 20 kB at once, and one file of 32 MB at several block sizes.
#
#   benches/tftp/side_by_side.sh [ROUNDS]        5 interleaved rounds unless told
#
# Debian packages: curl atftp dnsmasq-base, and tftpd-hpa and atftpd (they exclude each other: in.tftpd and atftpd are
# also looked for in $PEERS, where `dpkg -x` may have put them); `cargo install tftpd` brings rs-tftpd. A release
# build of server-module. Needs root (port 69 of the peers' own rules; chroot).
# Processor time is that of a control group of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-5}; port=${PORT:-6900}
server=${SERVER_MODULE:-$here/../../target/release/server-module}
export PATH=$PATH:/usr/sbin:${PEERS:-/nonexistent}/usr/sbin:$HOME/.cargo/bin
lab=$(mktemp -d); chmod 755 "$lab"
group=/sys/fs/cgroup/tftp-bench
[ -d /sys/fs/cgroup/cpuacct ] && group=/sys/fs/cgroup/cpuacct/tftp-bench
mkdir -p "$group"
trap 'kill -- $(cat "$group/cgroup.procs") 2>/dev/null || true; sleep 0.5; rmdir "$group" 2>/dev/null || true; rm -rf "$lab"' EXIT
mkdir "$lab/files"; chmod 755 "$lab/files"
head -c 20000 /dev/urandom >"$lab/files/small"; head -c 33554432 /dev/urandom >"$lab/files/large"; chmod 644 "$lab"/files/*
cat >"$lab/module.toml" <<TOML
[module]
name = "bench"
state = "$lab/state"
[network]
internal = "127.1.0.0/16"
address = "127.0.0.1"
[listen]
tftp = ["127.0.0.1:$port"]
[tftp]
root = "$lab/files"
TOML
names=(server-module tftpd-hpa atftpd dnsmasq rs-tftpd)
program() { case $1 in server-module) echo "$server" ;; tftpd-hpa) echo in.tftpd ;; rs-tftpd) echo tftpd ;; *) echo "$1" ;; esac; }
launch() {
    local command
    case $1 in
        server-module) command=("$server" run --config "$lab/module.toml") ;;
        tftpd-hpa) command=(in.tftpd -L --address "127.0.0.1:$port" --secure --user nobody "$lab/files") ;;
        atftpd) command=(atftpd --daemon --no-fork --port "$port" --bind-address 127.0.0.1 --user nobody --group nogroup --logfile /dev/null --no-multicast "$lab/files") ;;
        dnsmasq) command=(dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --enable-tftp "--tftp-root=$lab/files" --tftp-max=600 --listen-address=127.0.0.1 --bind-interfaces --log-facility=/dev/null) ;;
        rs-tftpd) command=(tftpd -i 127.0.0.1 -p "$port" -d "$lab/files" -r) ;;
    esac
    SERVER_MODULE_LOG=error bash -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$group" "${command[@]}" >"$lab/server.log" 2>&1 &
    pid=$!
    sleep 0.7
    kill -0 "$pid" 2>/dev/null || { echo "$1 does not run: $(tail -1 "$lab/server.log")" >&2; return 1; }
}
# Every child that a server forks stays in its control group.
spent() {
    if [ -f "$group/cpuacct.usage" ]; then cat "$group/cpuacct.usage"
    else awk '/^usage_usec/ { print $2 * 1000 }' "$group/cpu.stat"; fi
}
at() { if [ "$1" = dnsmasq ]; then echo 69; else echo "$port"; fi; }
: >"$lab/figures"
note() { echo "$*" >>"$lab/figures"; echo "$*" >&2; }
for _ in $(seq "$rounds"); do
    for name in "${names[@]}"; do
        command -v "$(program "$name")" >/dev/null || continue
        launch "$name" || continue
        url="tftp://127.0.0.1:$(at "$name")"
        curl -s -m 5 -o /dev/null "$url/small" || { echo "$name gave nothing" >&2; kill "$pid"; continue; }
        before=$(spent)
        rm -f "$lab"/got_*
        for n in $(seq 280); do [ "$n" = 1 ] || echo next; printf 'url = "%s/small"\noutput = "%s/got_%s"\ninterface = "host!127.2.%s.%s"\nmax-time = 60\n' "$url" "$lab" "$n" "$((n / 200))" "$((n % 200 + 1))"; done >"$lab/urls"
        before=$(spent)
        times=$(curl --no-progress-meter -Z --parallel-immediate --parallel-max 280 -K "$lab/urls" -w "%{time_total} %{exitcode}\n" 2>"$lab/curl.log" | sort -n) || true
        after=$(spent)
        good=$(for n in $(seq 280); do if cmp -s "$lab/files/small" "$lab/got_$n"; then echo; fi; done | wc -l)
        rm -f "$lab"/got_*
        median=$(awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] * 1000 }' <<<"$times")
        last=$(awk 'END { printf "%.1f", $1 * 1000 }' <<<"$times")
        note "many $name $median $last $good $(((after - before) / 1000 / 280))"
        for size in 512 1468; do
            before=$(spent); began=$(date +%s%N)
            curl -s -m 60 --tftp-blksize "$size" -o "$lab/got" "$url/large" || true
            ended=$(date +%s%N); after=$(spent)
            cmp -s "$lab/files/large" "$lab/got" || { note "large-$size $name failed"; continue; }
            note "large-$size $name $(awk -v t=$((ended - began)) 'BEGIN { printf "%.2f", 33.554432e9 / t }') $(((after - before) / (33554432 / size)))"
        done
        if command -v atftp >/dev/null; then
            before=$(spent); began=$(date +%s%N)
            (cd "$lab" && timeout 60 atftp -g -r large -l got2 --option "blksize 1468" --option "windowsize 32" 127.0.0.1 "$(at "$name")") >/dev/null 2>&1 || true
            ended=$(date +%s%N); after=$(spent)
            if cmp -s "$lab/files/large" "$lab/got2"; then
                note "window-32 $name $(awk -v t=$((ended - began)) 'BEGIN { printf "%.2f", 33.554432e9 / t }') $(((after - before) / (33554432 / 1468)))"
            fi
            rm -f "$lab/got2"
        fi
        kill -- $(cat "$group/cgroup.procs") 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
done
median() { awk -v c="$1" '{ v[NR] = $c } END { n = asort(v); printf "%s", v[int((n + 1) / 2)] }'; }
command -v gawk >/dev/null || median() { awk -v c="$1" '{ print $c }' | sort -n | awk '{ v[NR] = $1 } END { printf "%s", v[int((NR + 1) / 2)] }'; }
echo
echo "280 clients of 20 kB at once (curl): milliseconds a transfer (median, last), whole files, processor microseconds a file"
for name in "${names[@]}"; do
    rows=$(grep "^many $name " "$lab/figures" || true); [ -n "$rows" ] || continue
    printf '%-16s %10s %10s %6s %10s\n' "$name" "$(median 3 <<<"$rows")" "$(median 4 <<<"$rows")" "$(median 5 <<<"$rows")" "$(median 6 <<<"$rows")"
done
for kind in large-512 large-1468 window-32; do
    echo "32 MB, $kind: MB a second, processor nanoseconds a block"
    for name in "${names[@]}"; do
        rows=$(grep "^$kind $name [0-9]" "$lab/figures" || true); [ -n "$rows" ] || continue
        printf '%-16s %10s %10s\n' "$name" "$(median 3 <<<"$rows")" "$(median 4 <<<"$rows")"
    done
done
