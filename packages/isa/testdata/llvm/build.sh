#!/bin/sh
# Rebuilds the recorded disassemblies with clang 19 and llvm-objdump 19.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

record() { # name, then the compiler's arguments
  name=$1
  shift
  clang-19 -target bpf -c "$@" -o "$out/object.o"
  (cd "$out" && llvm-objdump-19 -d object.o) | tail -n +3 > "$name.generic.txt"
  (cd "$out" && llvm-objdump-19 -d --mcpu=v3 object.o) | tail -n +3 > "$name.v3.txt"
}

for cpu in v1 v2 v3 v4; do
  record "program-$cpu" -O2 -mcpu="$cpu" program.bpf.c
done
record program-debug -O2 -g -mcpu=v3 program.bpf.c
record atomics -O2 -mcpu=v3 atomics.bpf.c
record classes -mcpu=v4 classes.s
