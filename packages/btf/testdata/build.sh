#!/bin/sh
# Remakes what lies here from types.bpf.c: the raw BTF and BTF.ext as clang writes them, and what bpftool says of them.
# needs: clang 19, llvm 19, bpftool 7.1; the committed files are of Debian's 19.1.7 and 7.1.0
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

clang-19 -target bpf -std=gnu17 -O2 -g -Wall -nostdinc -mcpu=v3 -fdebug-compilation-dir=. -c types.bpf.c -o "$work/types.o"
llvm-objcopy-19 --dump-section .BTF=types.btf --dump-section .BTF.ext=types.btfext "$work/types.o"
bpftool -j btf dump file "$work/types.o" > types.json
bpftool btf dump file "$work/types.o" > types.txt
bpftool btf dump file "$work/types.o" format c |
	sed -e '1,/^#endif/d' -e '/^#ifndef BPF_NO_PRESERVE_ACCESS_INDEX/,$d' | tail -n +2 > types.h
