#!/bin/sh
# Compiles the C files beside this script to their objects. guard.h is what `skep gen header guard` writes.
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others)
set -eu

cd "$(dirname "$0")"
for source in *.bpf.c; do
	object="${source%.bpf.c}.o"
	"${CLANG:-clang-19}" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc -I include \
		-I ../../../../apps/cli/testdata -fdebug-compilation-dir=. -g -mcpu=v3 -c "$source" -o "$object"
	"${LLVM_STRIP:-llvm-strip-19}" --strip-debug "$object"
done
