#!/bin/sh
# Compiles the C files beside this script to their objects.
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others)
set -eu

cd "$(dirname "$0")"
for file in "${@:-*.bpf.c}"; do
	for source in $file; do
		object="${source%.bpf.c}.o"
		"${CLANG:-clang-19}" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc \
			-I ../../../apps/cli/testdata -fdebug-compilation-dir=. -g -mcpu=v3 -c "$source" -o "$object"
		"${LLVM_STRIP:-llvm-strip-19}" --strip-debug "$object"
	done
done
