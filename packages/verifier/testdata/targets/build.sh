#!/bin/sh
# Remakes the objects beside this script from the C files. The tests need no compiler.
# usage: build.sh
# needs: clang 19
set -eu
cd "$(dirname "$0")"
for source in *.bpf.c; do
	clang-19 -target bpf -O2 -g -mcpu=v3 -Wall -Wno-unused -nostdinc -fdebug-compilation-dir=. -c "$source" \
		-o "${source%.bpf.c}.o"
done
