#!/bin/sh
# Makes http_request.h from the plugin, and compiles the C files beside it to their objects.
# needs: clang 19 and llvm 19 (CLANG and LLVM_STRIP name others)
set -eu

cd "$(dirname "$0")"
plugin=$(mktemp -d)
trap 'rm -rf "$plugin"' EXIT
(cd .. && ../../node_modules/.bin/esbuild src/http-request.ts src/http-helpers.ts --bundle --splitting --format=esm \
	--platform=node --conditions=source --log-level=error --outdir="$plugin" --out-extension:.js=.mjs)
node ../../../scripts/dev.mjs gen header http_request \
	--plugin "$plugin/http-request.mjs" --plugin "$plugin/http-helpers.mjs" -o http_request.h

for source in *.bpf.c hostile/*.bpf.c; do
	object="${source%.bpf.c}.o"
	"${CLANG:-clang-19}" -target bpf -std=gnu17 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc \
		-I include -I . -fdebug-compilation-dir=. -g -mcpu=v3 -c "$source" -o "$object"
	"${LLVM_STRIP:-llvm-strip-19}" --strip-debug "$object"
done
