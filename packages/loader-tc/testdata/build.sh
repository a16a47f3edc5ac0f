#!/bin/sh
# Remakes the objects beside this script from the C files. The tests need none of it.
# usage: build.sh    needs: clang 19
set -eu
cd "$(dirname "$0")"

compile() { # source, object, flags
	source=$1 object=$2
	shift 2
	clang-19 -target bpf -std=gnu17 -O2 -Wall -nostdinc -fdebug-compilation-dir=. "$@" -c "$source" -o "$object"
}

for name in cyclic graft_legacy jumps nested_legacy shared_legacy verdicts; do
	compile $name.bpf.c $name.o
done
for name in fields graft nested shared; do
	compile $name.bpf.c $name.o -g
done
for words in 4 5 6 7 9; do
	compile sizes.bpf.c sizes_$words.o -DBPF_ELF_MAP_WORDS=$words
done
