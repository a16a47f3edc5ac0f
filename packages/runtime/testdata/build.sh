#!/bin/sh
# Compiles the C file beside this script to its object.
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others)
set -eu

cd "$(dirname "$0")"
"${CLANG:-clang-19}" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc \
	-I ../../../apps/cli/testdata -fdebug-compilation-dir=. -g -mcpu=v3 -c workers.bpf.c -o workers.o
"${LLVM_STRIP:-llvm-strip-19}" --strip-debug workers.o
