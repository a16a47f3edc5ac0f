#!/bin/sh
# Compiles the C files beside this script, the examples and those of devices to their objects.
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others)
set -eu

cd "$(dirname "$0")"
for source in "${@:-*.bpf.c examples/*.bpf.c devices/*.bpf.c}"; do
	for file in $source; do
		object="${file%.bpf.c}.o"
		"${CLANG:-clang-19}" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc \
			-I ../../../apps/cli/testdata -fdebug-compilation-dir=. -g -mcpu=v3 -c "$file" -o "$object"
		"${LLVM_STRIP:-llvm-strip-19}" --strip-debug "$object"
	done
done
