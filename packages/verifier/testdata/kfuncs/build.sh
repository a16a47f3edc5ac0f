#!/bin/sh
# Remakes the objects beside this script from the C files. The tests need no compiler.
# usage: build.sh [NAME...]     NAME: as in NAME.bpf.c; all when none is given
# needs: clang 19
# Afterwards: `node record.mjs` on Linux 6.18, for what the kernel says of each program.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- *.bpf.c
for source; do
	name=${source%.bpf.c}
	clang-19 -target bpf -std=gnu17 -O2 -g -mcpu=v3 -Wall -Wno-visibility -Wno-unused-but-set-variable -nostdinc \
		-fdebug-compilation-dir=. -c "$name.bpf.c" -o "$name.o"
done
