#!/bin/sh
# Code and constants of the reading side on a Cortex-M4F, linked as small as the compiler makes it.
set -eu
cd "$(dirname "$0")"
target=thumbv7em-none-eabihf
printf '%-28s %8s %8s %8s\n' what text data bss
for features in '' engine engine,seal; do
    RUSTFLAGS='-Clink-arg=-e_start -Clink-arg=--gc-sections -Crelocation-model=static' \
        cargo build -q --release --target "$target" --features "$features"
    binary="${CARGO_TARGET_DIR:-target}/$target/release/update-pack-thumb"
    set -- $(llvm-size "$binary" | tail -n 1)
    printf '%-28s %8s %8s %8s\n' "verify${features:+, $features}" "$1" "$2" "$3"
done
