#!/bin/sh
# Writes the header of kprobe's context anew, and compiles the C file beside this script against it.
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others), the kernel's headers for linux/types.h (linux-libc-dev)
set -eu

cd "$(dirname "$0")"
node ../../../../scripts/dev.mjs gen header kprobe -o kprobe.h
"${CLANG:-clang-19}" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -g -mcpu=v3 \
	-idirafter "/usr/include/$(uname -m)-linux-gnu" -fdebug-compilation-dir=. -c requests.bpf.c -o requests.o
"${LLVM_STRIP:-llvm-strip-19}" --strip-debug requests.o
