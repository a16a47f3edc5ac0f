#!/bin/sh
# Compiles the benchmark's programs, the C files beside this script, to objects.
# usage: build.sh            rebuilds the objects in place
#        build.sh --check    rebuilds them elsewhere and fails if one differs from that in place
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others); the committed objects are of Debian's 19.1.7
set -eu

clang=${CLANG:-clang-19}
strip=${LLVM_STRIP:-llvm-strip-19}
cd "$(dirname "$0")"

out=.
if [ "${1-}" = --check ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
elif [ $# -gt 0 ]; then
	echo "usage: $0 [--check]" >&2
	exit 2
fi

# BTF stays, DWARF goes: it would change with every comment of the header that the fixtures share.
for source in *.bpf.c; do
	object=$out/${source%.bpf.c}.o
	"$clang" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc \
		-I ../../cli/testdata -fdebug-compilation-dir=. -g -mcpu=v3 -c "$source" -o "$object"
	"$strip" --strip-debug "$object"
done

if [ "$out" != . ]; then
	status=0
	for object in "$out"/*.o; do
		name=${object##*/}
		if ! cmp -s "$object" "$name"; then
			echo "apps/bench/programs/$name is not what its source compiles to: run apps/bench/programs/build.sh" >&2
			status=1
		fi
	done
	for name in *.o; do
		if [ ! -e "$out/$name" ]; then
			echo "apps/bench/programs/$name has no source" >&2
			status=1
		fi
	done
	exit $status
fi
