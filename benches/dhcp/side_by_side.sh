#!/usr/bin/env bash
# DHCP servers side by side in network namespaces of their own (needs root): the processor time that one four-way
# exchange costs each, and how each takes 280 cards that power on together.
#
#   benches/dhcp/side_by_side.sh [ROUNDS] [SECONDS]      9 rounds of 4 seconds unless told, servers interleaved
#
# Debian packages: kea-admin kea-dhcp4-server dnsmasq-base isc-dhcp-server; a release build of server-module.
# The clients have perfdhcp's hardware addresses, which are those of the cabinet's 280 cards; the peers have a pool.
# Processor time is the sum over a server's threads of /proc/PID/task/*/schedstat, in nanoseconds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-9}; seconds=${2:-4}; rate=${RATE:-1000}; clients=${CLIENTS:-250}
server=${SERVER_MODULE:-$here/../../target/release/server-module}
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 3; }
lab=$(mktemp -d); pop=sb-pop-$$; out=sb-out-$$
finish() {
    ip netns pids "$pop" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "$pop" 2>/dev/null || true; ip netns del "$out" 2>/dev/null || true
    rm -rf "$lab"
}
trap finish EXIT
ip netns add "$pop"; ip netns add "$out"
ip link add sb-p type veth peer name sb-c
ip link set sb-p netns "$pop"; ip link set sb-c netns "$out"
ip -n "$pop" addr add 10.1.0.1/16 dev sb-p; ip -n "$pop" link set sb-p up; ip -n "$pop" link set lo up
ip -n "$out" addr add 10.1.0.99/16 dev sb-c; ip -n "$out" link set sb-c up; ip -n "$out" link set lo up

cat >"$lab/module.toml" <<TOML
[module]
name = "bench"
state = "state"
[network]
internal = "10.1.0.0/16"
address = "10.1.0.1"
[listen]
dhcp = "sb-p"
$(for n in $(seq 0 279); do printf '[[card]]\nposition = "%d.%d"\nmac = "00:0c:01:02:%02x:%02x"\n' "$((n / 14 + 1))" "$((n % 14 + 1))" "$(((0x304 + n) / 256))" "$(((0x304 + n) % 256))"; done)
TOML
kea() {
    cat <<JSON
{ "Dhcp4": { "interfaces-config": { "interfaces": [ "sb-p" ], "dhcp-socket-type": "raw" },
  "multi-threading": { "enable-multi-threading": false },
  "lease-database": { "type": "memfile", "persist": $1, "name": "$lab/kea-$1.csv", "lfc-interval": 0 },
  "valid-lifetime": 3600, "subnet4": [ { "id": 1, "subnet": "10.1.0.0/16", "pools": [ { "pool": "10.1.200.1-10.1.250.254" } ] } ],
  "loggers": [ { "name": "kea-dhcp4", "severity": "ERROR", "output_options": [ { "output": "$lab/kea.log" } ] } ] } }
JSON
}
kea false >"$lab/kea-false.json"; kea true >"$lab/kea-true.json"
printf 'subnet 10.1.0.0 netmask 255.255.0.0 { range 10.1.200.1 10.1.250.254; }\nauthoritative;\nping-check false;\n' >"$lab/dhcpd.conf"
export KEA_LOCKFILE_DIR=$lab KEA_PIDFILE_DIR=$lab

names=(server-module kea kea-persist dnsmasq dhcpd)
launch() {
    rm -rf "$lab/state" "$lab"/*.csv "$lab/dnsmasq.leases"; : >"$lab/dhcpd.leases"
    case $1 in
        server-module) set -- "$server" run --config "$lab/module.toml" ;;
        kea) set -- kea-dhcp4 -c "$lab/kea-false.json" ;;
        kea-persist) set -- kea-dhcp4 -c "$lab/kea-true.json" ;;
        dnsmasq) set -- dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --interface=sb-p --no-ping --quiet-dhcp --dhcp-lease-max=20000 --dhcp-authoritative --dhcp-range=10.1.200.1,10.1.250.254,255.255.0.0,1h "--dhcp-leasefile=$lab/dnsmasq.leases" --log-facility=/dev/null ;;
        dhcpd) set -- dhcpd -4 -f -q -user root -group root -cf "$lab/dhcpd.conf" -lf "$lab/dhcpd.leases" -pf "$lab/dhcpd.pid" sb-p ;;
    esac
    SERVER_MODULE_LOG=error ip netns exec "$pop" "$@" >"$lab/server.log" 2>&1 &
    pid=$!
    sleep 1.5
    kill -0 "$pid" 2>/dev/null || { cat "$lab/server.log"; exit 3; }
}
nanoseconds() { cat /proc/"$pid"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
perf() { ip netns exec "$out" perfdhcp -4 -l sb-c "$@" 10.1.0.1 2>&1 || true; }
received() { awk -v kind="$1" '$0 ~ kind { on = 1 } on && /received packets/ { print $3; exit }'; }

: >"$lab/figures"
for round in $(seq "$rounds"); do
    for name in "${names[@]}"; do
        command -v "${name%%-persist}" >/dev/null || [ "$name" = server-module ] || command -v kea-dhcp4 >/dev/null || continue
        launch "$name"
        perf -r "$rate" -R "$clients" -p 1 >/dev/null
        before=$(nanoseconds)
        report=$(perf -r "$rate" -R "$clients" -p "$seconds")
        after=$(nanoseconds)
        exchanges=$(received REQUEST-ACK <<<"$report")
        [ "${exchanges:-0}" -gt 0 ] || { echo "$name answered nothing"; echo "$report"; cat "$lab/server.log"; exit 3; }
        echo "$name $(awk -v n="$((after - before))" -v e="$exchanges" 'BEGIN { printf "%.1f", n / e / 1000 }') $exchanges" | tee -a "$lab/figures" >&2
        kill "$pid"; wait "$pid" 2>/dev/null || true
    done
done
echo
echo "processor time an exchange, microseconds: median of $rounds rounds of $seconds s at $rate exchanges/s, $clients clients"
for name in "${names[@]}"; do
    grep "^$name " "$lab/figures" | sort -k2 -n | awk -v name="$name" '{ v[NR] = $2 } END { if (NR) printf "%-16s %8.1f   (%.1f to %.1f)\n", name, v[int((NR + 1) / 2)], v[1], v[NR] }'
done

echo
echo "280 cards at once: milliseconds until the last has its address (perfdhcp avalanche), retransmits, refusals"
for name in "${names[@]}"; do
    launch "$name"
    report=$(perf --scenario avalanche -R 280 -t 1 || true)
    kill "$pid"; wait "$pid" 2>/dev/null || true
    printf '%-16s %s\n' "$name" "$(grep -iE 'it took|retransmi|reject|duplicat' <<<"$report" | tr '\n' ';' | tr -s ' ')"
done
