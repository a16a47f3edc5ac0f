#!/bin/sh
# Remakes the objects beside this script from the C files, and libbpf/*.json: what libbpf makes of them and of the objects
# in apps/cli/testdata. The tests need none of it.
# Other objects: npm run diff:objects
# usage: build.sh
# needs: clang 19, llvm 19, bpftool 7.1, gcc and libbpf-dev 1.1; the committed files are of Debian's
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -O1 -Wall -Wextra -o "$work/record" libbpf/record.c -lbpf -ldl

record() { # object, BTF of a kernel, configuration of a kernel
	printf '{"object":"%s","libbpf":%s}\n' "$(basename "$1")" "$("$work/record" "$@" 2>/dev/null || echo null)"
}

compile() { # source, object, flags
	source=$1 object=$2
	shift 2
	clang-19 -target bpf -std=gnu17 -O2 -Wall -Wno-visibility -nostdinc -fdebug-compilation-dir=. "$@" -c "$source" -o "$object"
}

for source in *.bpf.c; do
	name=${source%.bpf.c}
	compile "$source" "$name.o" -g -mcpu=v3
done
for name in functions data; do
	compile $name.bpf.c $name.v4.o -g -mcpu=v4
	compile $name.bpf.c $name.nodebug.o -mcpu=v3
done
bpftool gen object linked.o linked_a.o linked_b.o

# The types that core.bpf.c is relocated against, as the BTF of a kernel.
compile core_kernel.c "$work/core_kernel.o" -g
llvm-objcopy-19 --dump-section .BTF=core_kernel.btf "$work/core_kernel.o"

for object in *.o ../../../apps/cli/testdata/*.o; do
	case $object in
	core.o) record "$object" core_kernel.btf ;;
	kconfig.o) record "$object" - "$(cat kconfig.txt)" ;;
	# What else it gets is a matter of the running kernel.
	ksyms.o) record "$object" | sed 's/"libbpf":.*"btf"/"libbpf":{"btf"/' ;;
	# libbpf 1.1 knows none of these; legacy maps went with 1.0.
	exceptions.o | arena.o | maps_more.o | legacy.o | */legacy*.o) ;;
	# Compared with what libbpf makes of it for the kernel that runs.
	core_running.o | core_ambiguous.o) ;;
	# Halves, that neither takes.
	linked_?.o) ;;
	../*) record "$object" | sed 's/,"btf":"[0-9a-f]*"//' ;;
	*) record "$object" ;;
	esac
done > libbpf/recorded.jsonl
