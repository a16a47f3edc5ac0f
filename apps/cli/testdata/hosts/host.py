"""A host in Python over wasmtime, which is native code: no JavaScript and nothing of Skep.

usage: host.py MODULE PROGRAM PACKETS [--plain]
--plain: the engine knows no vectors, threads, tail calls or functions of several results.
"""
import json
import struct
import sys

from wasmtime import Config, Engine, Func, FuncType, Instance, Module, Store, ValType


def custom_section(wasm, wanted):
    """The content of a custom section: an id, a length in LEB128, for id 0 a name."""
    def number(at):
        value = shift = 0
        while True:
            byte = wasm[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, at

    at = 8
    while at < len(wasm):
        section = wasm[at]
        size, start = number(at + 1)
        at = start + size
        if section != 0:
            continue
        length, name = number(start)
        if wasm[name : name + length] == wanted:
            return wasm[name + length : at]
    raise KeyError(wanted)


def main(path, program, packets_path, plain):
    with open(path, "rb") as file:
        wasm = file.read()
    metadata = json.loads(custom_section(wasm, b"skep"))
    config = Config()
    if plain:
        config.wasm_tail_call = False
        config.wasm_relaxed_simd = False
        config.wasm_simd = False
        config.wasm_multi_value = False
        config.wasm_threads = False
    store = Store(Engine(config))
    module = Module(store.engine, wasm)
    texts = []
    now = [0]

    def clock(kind):
        now[0] += 1000
        return now[0]

    def printk(text, length):
        texts.append(bytes(memory.read(store, text, text + length)).decode())

    functions = {
        "clock": (FuncType([ValType.i32()], [ValType.i64()]), clock),
        "printk": (FuncType([ValType.i32(), ValType.i32()], []), printk),
    }
    imports = [Func(store, *functions[wanted.name]) for wanted in module.imports]
    exports = Instance(store, module, imports).exports(store)
    memory = exports["memory"]

    def call(name, *arguments):
        return exports[name](store, *arguments)

    def read(at, size):
        at &= 0xFFFFFFFF
        return bytes(memory.read(store, at, at + size))

    def word(at):
        return struct.unpack("<I", read(at, 4))[0]

    def elements(info):
        size = info["keySize"]
        key, following = call("skep_alloc", size, 8), call("skep_alloc", size, 8)
        found, start = [], 0
        while call("skep_map_next_key", info["index"], start, following) == 0:
            memory.write(store, read(following, size), key)
            start = key
            value = call("skep_map_lookup", info["index"], key)
            if value:
                found.append([read(key, size).hex(), read(value, info["valueSize"]).hex()])
        return sorted(found)

    assert call("skep_abi_version") == 1
    info = next(entry for entry in metadata["programs"] if entry["name"] == program)
    offsets = {field["name"]: field["offset"] for field in info["context"]["fields"]}
    with open(packets_path, "rb") as file:
        packets = file.read()
    verdicts, left, at = [], 0x811C9DC5, 0
    while at < len(packets):
        (length,) = struct.unpack_from("<I", packets, at)
        memory.write(store, packets[at + 4 : at + 4 + length], call("skep_packet"))
        at += 4 + length
        context = call(f"context_{program}", length)
        verdicts.append(call(f"run_{program}", context) & 0xFFFFFFFF)
        # What lies before an XDP packet as its metadata belongs to it.
        data = word(context + offsets["data_meta" if info["type"] == "xdp" else "data"])
        for byte in read(data, word(context + offsets["data_end"]) - data):
            left = ((left ^ byte) * 0x01000193) & 0xFFFFFFFF
    maps = {
        entry["name"]: elements(entry)
        for entry in metadata["maps"]
        if {"next_key", "lookup"} <= set(entry["operations"])
    }
    print(json.dumps({"verdicts": verdicts, "left": left, "texts": texts, "maps": maps}))


if __name__ == "__main__":
    main(*sys.argv[1:4], plain="--plain" in sys.argv)
