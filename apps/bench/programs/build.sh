#!/bin/sh
# Compiles the benchmark's programs, the C files beside this script, in pcap/ and in verify/, to objects.
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

mkdir -p "$out/verify" "$out/pcap"

# BTF stays, DWARF goes: it would change with every comment of the header that the fixtures share.
compile() { # source, object, definitions
	source=$1 object=$2
	shift 2
	"$clang" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc \
		-I ../../cli/testdata -fdebug-compilation-dir=. -g -mcpu=v3 "$@" -c "$source" -o "$out/$object"
	"$strip" --strip-debug "$out/$object"
}

for source in *.bpf.c pcap/*.bpf.c verify/*.bpf.c; do
	compile "$source" "${source%.bpf.c}.o"
done

# The same sources, for more to walk.
compile verify/balancer.bpf.c verify/balancer_large.o -DCANDIDATES=170
compile verify/tracer.bpf.c verify/tracer_large.o -DFRAMES=160 -DTAGS=24

if [ "$out" != . ]; then
	status=0
	for object in "$out"/*.o "$out"/pcap/*.o "$out"/verify/*.o; do
		name=${object#"$out"/}
		if ! cmp -s "$object" "$name"; then
			echo "apps/bench/programs/$name is not what its source compiles to: run apps/bench/programs/build.sh" >&2
			status=1
		fi
	done
	for name in *.o pcap/*.o verify/*.o; do
		if [ ! -e "$out/$name" ]; then
			echo "apps/bench/programs/$name has no source" >&2
			status=1
		fi
	done
	exit $status
fi
