#!/usr/bin/env python3
"""Records how the running kernel prints instructions: loads every program of log.txt with bpf(2) at log
level 2 and puts the text of its first instruction beside it. Needs root. The kernel must be 6.18 for the
recording to be the one that is committed."""
import ctypes
import os
import re
import struct
import sys

BPF_PROG_LOAD = 5
BPF_PROG_TYPE_SOCKET_FILTER = 1
SYS_BPF = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)


def log_of(program: bytes) -> str:
    insns = ctypes.create_string_buffer(program, len(program))
    license = ctypes.create_string_buffer(b'GPL')
    log = ctypes.create_string_buffer(1 << 16)
    attr = struct.pack('<IIQQIIQ', BPF_PROG_TYPE_SOCKET_FILTER, len(program) // 8, ctypes.addressof(insns),
                       ctypes.addressof(license), 2, len(log), ctypes.addressof(log)).ljust(144, b'\0')
    buffer = ctypes.create_string_buffer(attr, len(attr))
    fd = libc.syscall(SYS_BPF, BPF_PROG_LOAD, buffer, len(attr))
    if fd >= 0:
        os.close(fd)
    return log.value.decode()


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'log.txt')
lines = []
for line in open(path):
    program = line.split()[0]
    found = re.search(r'^ *0: (?:[.0-9]{10} )?((?:\(|BUG_).*?)(?: *;.*)?$', log_of(bytes.fromhex(program)), re.M)
    if found is None:
        sys.exit(f'{program}: the kernel does not print it')
    lines.append(f'{program} {found[1].rstrip()}\n')
open(path, 'w').writelines(lines)
