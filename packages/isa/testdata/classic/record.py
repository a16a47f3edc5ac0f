#!/usr/bin/env python3
"""Records how libpcap 1.10 compiles and prints classic programs. image.txt: `code jt jf k | text` of every
opcode, by libpcap's bpf_image. filters.txt: for each expression the output of tcpdump -d and -ddd."""
import ctypes
import ctypes.util
import os
import subprocess

here = os.path.dirname(os.path.abspath(__file__))
pcap = ctypes.CDLL(ctypes.util.find_library('pcap'))


class Insn(ctypes.Structure):
    _fields_ = [('code', ctypes.c_ushort), ('jt', ctypes.c_ubyte), ('jf', ctypes.c_ubyte), ('k', ctypes.c_uint32)]


pcap.bpf_image.restype = ctypes.c_char_p
pcap.bpf_image.argtypes = [ctypes.POINTER(Insn), ctypes.c_int]

with open(os.path.join(here, 'image.txt'), 'w') as out:
    ancillary = [0xfffff000 + offset for offset in range(0, 68, 4)]
    for code in range(256):
        ks = [0, 14, 0x80000001, 0xffffffff] + (ancillary if code in (0x20, 0x28, 0x30) else [])
        for k in ks:
            insn = Insn(code, 3, 250, k)
            text = pcap.bpf_image(ctypes.byref(insn), 7).decode()
            if not text.split()[1].startswith('unimp') or k == 14:
                out.write(f'{code} 3 250 {k} | {text}\n')

EXPRESSIONS = [
    'ip', 'arp', 'tcp port 80', 'ip6 and udp', 'host 192.0.2.1 and not port 22', 'vlan 5 and icmp', 'mpls',
    'tcp[13] & 2 != 0 and ip[2:2] > 500', 'ether[0] & 1 = 0 and ip[16] >= 224', 'len > 100 and inbound',
    'ip proto 47 or (ip[0]&0xf)*4 = 20', 'icmp6[0]=135', 'ip[4:2] % 7 = 3', 'ip[4:2] * 3 - 5 / ip[1] = 7 ^ 3',
    'ip[1] << ip[2] >> 4 != ip[5] | 3', 'portrange 1000-2000', 'net 2001:db8::/32', 'less 60',
    'ip[0] - ip[1] = 0 - len', 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8',
]

with open(os.path.join(here, 'filters.txt'), 'w') as out:
    for expression in EXPRESSIONS:
        out.write(f'# {expression}\n')
        for option in ('-d', '-ddd'):
            command = ['tcpdump', '-y', 'EN10MB', option, '--', expression]
            out.write(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
