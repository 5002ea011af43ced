#!/usr/bin/env bash
# CPU time a proxied request costs server-module, nginx and HAProxy, side by side: one table of hosts, one worker each,
# keep-alive on both sides, medians of interleaved rounds. Throughput says little on a shared machine; CPU time of the
# proxy's own process (user and system, /proc/PID/stat) over the requests served says more.
#
#   bash benches/proxy_side_by_side.sh [ROUNDS=9] [SECONDS=2] [HOSTS=1000]
#
# Needs nginx-light, haproxy and wrk, and a release build of server-module. Traffic stays on loopback.
set -euo pipefail
rounds=${1:-9} seconds=${2:-2} hosts=${3:-1000}
root=$(cd "$(dirname "$0")/.." && pwd)
module=${SERVER_MODULE:-${CARGO_TARGET_DIR:-$root/target}/release/server-module}
[ -x "$module" ] || { echo "cargo build --release -p server-module comes first: no $module" >&2; exit 2; }
PATH=$PATH:/usr/sbin
dir=$(mktemp -d) && chmod 755 "$dir" # nginx gives up root
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
origin=23900 nginx=23901 haproxy=23902 ours=23903
proxies=0 others=$(($(nproc) - 1)) # cores

seq -f 'shop-%06g.sell.example' 0 $((hosts - 1)) >"$dir/hosts"
head -c 65536 /dev/zero | tr '\0' x >"$dir/large"
printf 'eighteen bytes it is' | head -c 18 >"$dir/small"

scratch() { printf 'client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;' "$1" "$1" "$1" "$1" "$1"; }
common='daemon off; worker_processes 1; events { worker_connections 4096; }'
mkdir "$dir/origin" "$dir/nginx" "$dir/state"
cat >"$dir/origin.conf" <<CONF
$common pid $dir/origin/pid;
http { access_log off; keepalive_requests 100000000; sendfile on; tcp_nodelay on; open_file_cache max=16;
  $(scratch "$dir/origin") server { listen 127.0.0.1:$origin backlog=4096; root $dir; } }
CONF
cat >"$dir/nginx.conf" <<CONF
$common pid $dir/nginx/pid;
http { access_log off; keepalive_requests 100000000; tcp_nodelay on; map_hash_max_size 4194304; map_hash_bucket_size 128;
  $(scratch "$dir/nginx")
  proxy_buffer_size 16k; proxy_buffers 8 16k; # a large body needs no temporary file
  upstream card { server 127.0.0.1:$origin; keepalive 64; keepalive_requests 100000000; }
  map \$host \$to { default ""; $(sed 's/$/ card;/' "$dir/hosts" | tr '\n' ' ') }
  server { listen 127.0.0.1:$nginx backlog=4096;
    location / { if (\$to = "") { return 404; } proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host \$host;
      proxy_set_header X-Forwarded-For \$remote_addr; proxy_set_header Via "1.1 nginx"; proxy_pass http://\$to; } } }
CONF
sed 's/$/ card/' "$dir/hosts" >"$dir/map"
cat >"$dir/haproxy.cfg" <<CONF
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 2s
  option forwardfor
  http-reuse always
frontend customers
  bind 127.0.0.1:$haproxy
  http-request set-header Via "1.1 haproxy"
  use_backend %[req.hdr(host),lower,map_str($dir/map)]
backend card
  server card 127.0.0.1:$origin pool-max-conn 64
CONF
cat >"$dir/module.toml" <<CONF
[module]
name = "bench"
state = "$dir/state"
[listen]
http = ["127.0.0.1:$ours"]
[[card]]
position = "1.1"
address = "127.0.0.1"
[[service]]
name = "shop"
sid_file = "hosts"
port = $origin
cards = ["1.1"]
CONF
cat >"$dir/load.lua" <<LUA
-- Every connection asks for one host after the other, in an order without pattern.
local names, requests, at = {}, {}, 0
function init(arguments)
  for line in io.lines("$dir/hosts") do names[#names + 1] = line end
  math.randomseed(1)
  for index = 1, 4096 do
    requests[index] = wrk.format("GET", arguments[1], { Host = names[math.random(#names)] })
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
LUA

pin() { local core=$1; shift; taskset -c "$core" "$@" >"$dir/log" 2>&1 & pids+=($!); }
pin "$others" nginx -p "$dir/origin" -e stderr -c "$dir/origin.conf"
pin "$proxies" nginx -p "$dir/nginx" -e stderr -c "$dir/nginx.conf"; nginx_pid=$!
pin "$proxies" haproxy -db -f "$dir/haproxy.cfg"; haproxy_pid=$!
pin "$proxies" "$module" run --config "$dir/module.toml"; ours_pid=$!
for port in $origin $nginx $haproxy $ours; do
    for _ in $(seq 100); do curl -s -m 1 -o "$dir/got" -H 'Host: shop-000000.sell.example' "http://127.0.0.1:$port/small" && cmp -s "$dir/got" "$dir/small" && continue 2; sleep 0.1; done
    echo "nothing good on port $port" >&2; cat "$dir/log" >&2; exit 3
done
nginx_pid=$(pgrep -P "$nginx_pid" | head -1) # its one worker

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
hertz=$(getconf CLK_TCK)
# Runs wrk against a port for a body; adds CPU microseconds a request and requests a second to a file.
measure() {
    local name=$1 pid=$2 port=$3 body=$4 before after said total bad
    before=$(ticks "$pid")
    said=$(taskset -c "$others" wrk -t1 -c32 -d"${seconds}s" -s "$dir/load.lua" "http://127.0.0.1:$port" -- "/$body")
    after=$(ticks "$pid")
    total=$(awk '/ requests in / { print $1 }' <<<"$said")
    bad=$(grep -cE 'Non-2xx|Socket errors' <<<"$said" || true)
    [ "$bad" = 0 ] || { echo "$name lost requests: $said" >&2; exit 1; }
    awk -v t=$((after - before)) -v hz="$hertz" -v n="$total" 'BEGIN { printf "%.2f\n", t / hz * 1e6 / n }' >>"$dir/$name-$body.cpu"
    awk '/Requests\/sec/ { print $2 }' <<<"$said" >>"$dir/$name-$body.rate"
}
for body in small large; do
    for round in $(seq 0 "$rounds"); do
        measure ours "$ours_pid" $ours $body
        measure nginx "$nginx_pid" $nginx $body
        measure haproxy "$haproxy_pid" $haproxy $body
        # The first round warms up.
        [ "$round" != 0 ] || rm -f "$dir"/*-"$body".cpu "$dir"/*-"$body".rate
    done
done
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
range() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[1] " to " v[NR] }'; }
echo "$rounds rounds of $seconds s, $hosts hosts, $(date -u +%F), $(nginx -v 2>&1 | sed 's/.*: //'), $(haproxy -v | awk 'NR == 1 { print $1 "/" $3 }')"
echo
echo '| body | proxy | CPU a request, median | lowest to highest | of nginx | of HAProxy | requests/s, median |'
echo '|---|---|---|---|---|---|---|'
for body in small large; do
    n=$(median "$dir/nginx-$body.cpu") h=$(median "$dir/haproxy-$body.cpu")
    for name in ours nginx haproxy; do
        own=$(median "$dir/$name-$body.cpu")
        awk -v p="$body" -v name="$name" -v c="$own" -v r="$(range "$dir/$name-$body.cpu")" -v n="$n" -v h="$h" -v rate="$(median "$dir/$name-$body.rate")" \
            'BEGIN { printf "| %s | %s | %.1f us | %s | %.2f | %.2f | %.0f |\n", p, name == "ours" ? "server-module" : name, c, r, c / n, c / h, rate }'
    done
done
for name in nginx_pid haproxy_pid ours_pid; do printf '%s resident %s\n' "${name%_pid}" "$(awk '/VmRSS/ { print $2 " " $3 }' "/proc/${!name}/status")"; done
