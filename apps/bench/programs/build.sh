#!/bin/sh
# Compiles the benchmark's programs, the C files beside this script, in pcap/ and in verify/, to objects.
# usage: build.sh            rebuilds the objects in place
#        build.sh --check    rebuilds them elsewhere and fails if one differs from that in place
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others); the committed objects are of Debian's 19.1.7
set -eu

cd "$(dirname "$0")"
. ../../../scripts/fixtures/objects.sh

mkdir -p "$out/verify" "$out/pcap"

# BTF stays, DWARF goes: it would change with every comment of the header that the fixtures share.
program() { # source, object, definitions
	compile "$@" -I ../../cli/testdata -g -mcpu=v3
	"$strip" --strip-debug "$out/$2"
}

for source in *.bpf.c pcap/*.bpf.c verify/*.bpf.c; do
	program "$source" "${source%.bpf.c}.o"
done

# The same sources, for more to walk.
program verify/balancer.bpf.c verify/balancer_large.o -DCANDIDATES=170
program verify/tracer.bpf.c verify/tracer_large.o -DFRAMES=160 -DTAGS=24

finish apps/bench/programs apps/bench/programs/build.sh . pcap verify
