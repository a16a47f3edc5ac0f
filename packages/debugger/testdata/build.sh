#!/bin/sh
# Compiles the C files beside this script to their objects.
# usage: build.sh            rebuilds the objects in place
#        build.sh --check    rebuilds them elsewhere and fails if one differs from that in place
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others); the committed objects are of Debian's 19.1.7
set -eu

cd "$(dirname "$0")"
. ../../../scripts/fixtures/objects.sh

for source in *.bpf.c; do
	object=${source%.bpf.c}.o
	compile "$source" "$object" -I ../../../apps/cli/testdata -g -mcpu=v3
	"$strip" --strip-debug "$out/$object"
done

finish packages/debugger/testdata build.sh .
