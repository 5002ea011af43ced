#!/usr/bin/env bash
# Fetches pairs of real releases (Debian 12, PyPI, npm), makes deltas of them with other tools, and measures ours beside
# them. Wants: apt-get, dpkg-deb, pip, npm, unzip, bsdiff, xdelta3, zstd, GNU tar and time. About 20 minutes.
#
#     benches/update_pack_delta/corpus.sh [DIRECTORY]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mkdir -p "${1:-$here/target/pairs}" && cd "${1:-$here/target/pairs}" && pwd)

pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r -cf "$2" -C "$1" .; }

# A pair is fetched once: fetch NAME COMMAND OLD NEW, where COMMAND VERSION DIRECTORY unpacks a version.
fetch() {
    [ -f "$work/$1/peers" ] && return
    echo "== $1" >&2
    mkdir -p "$work/$1" && cd "$work/$1"
    rm -rf a b && mkdir a b
    "$2" "$3" a && "$2" "$4" b
    pack a old && pack b new
    # What a device would keep to go back without a delta: the files that change, compressed.
    (cd a && find . -type f | sort | while read -r file; do cmp -s "$file" "../b/$file" || printf '%s\0' "$file"; done) >changed
    backup=$(tar -C a --null -T changed -cf - | zstd -q -3 -c | wc -c)
    rm -rf a b changed
    /usr/bin/time -o seconds -f %U bsdiff old new bsdiff
    xdelta3 -e -9 -S lzma -f -s old new xdelta3
    zstd -q -19 --long=28 --patch-from=old new -o zstd -f
    zstd -q -19 -c new >full
    for peer in bsdiff xdelta3 zstd full; do echo "$peer $(stat -c %s "$peer")"; done >sizes
    { cat sizes; echo "backup $backup"; echo "bsdiff_seconds $(cat seconds)"; } >peers
    rm -f xdelta3 zstd full sizes seconds
}

debian() { (apt-get download -q "$package=$1" >/dev/null && dpkg-deb -x ./*.deb "$2" && rm -f ./*.deb); }
wheel() { pip -q download --no-deps --python-version 3.11 --only-binary=:all: --platform manylinux2014_x86_64 "$package==$1" && unzip -q ./*.whl -d "$2" && rm -f ./*.whl; }
module() { npm pack -s "$package@$1" >/dev/null && tar xf ./*.tgz -C "$2" && rm -f ./*.tgz; }

names=()
pair() { names+=("$work/$1"); package=$3; fetch "$1" "$2" "$4" "$5"; }
pair openssh-server debian openssh-server 1:9.2p1-2+deb12u9 1:9.2p1-2+deb12u10
pair libssl3 debian libssl3 3.0.20-1~deb12u2 3.0.22-1~deb12u2
pair python3.11-minimal debian python3.11-minimal 3.11.2-6+deb12u8 3.11.2-6+deb12u9
pair systemd debian systemd 252.38-1~deb12u1 252.39-1~deb12u2
pair typescript module typescript 5.8.2 5.8.3
pair samba-libs debian samba-libs 2:4.17.12+dfsg-0+deb12u2 2:4.17.12+dfsg-0+deb12u4
pair git debian git 1:2.39.5-0+deb12u2 1:2.39.5-0+deb12u3
pair numpy wheel numpy 2.2.1 2.2.2
pair libwebkit2gtk debian libwebkit2gtk-4.0-37 2.50.6-1~deb12u1 2.50.6-1~deb12u2
pair postgresql-15 debian postgresql-15 15.18-0+deb12u1 15.20-0+deb12u1
pair openjdk-17-jre debian openjdk-17-jre-headless 17.0.19+10-1~deb12u2 17.0.21.1+2-1~deb12u1

cd "$here"
exec cargo run -q --release --bin update-pack-delta -- "${names[@]}"
