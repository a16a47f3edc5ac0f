import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readPcap, TRAFFIC } from './capture.ts'

const run = (...args: string[]): { status: number | null; stdout: Buffer; stderr: string } => {
  const { status, stdout, stderr } = spawnSync('tcpdump', args, { maxBuffer: 1 << 26 })
  return { status, stdout, stderr: stderr?.toString() ?? '' }
}

/** Why there is no tcpdump to compare with; undefined where there is. */
export const noTcpdump: string | undefined =
  run('--version').status === 0 ? undefined : 'tcpdump is not installed'

function must(...args: string[]): Buffer {
  const { status, stdout, stderr } = run('-r', fileURLToPath(TRAFFIC), ...args)
  if (status !== 0) throw new Error(`tcpdump ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** The program of an expression, as `-d`, `-dd` or `-ddd` print it. */
export const programText = (form: '-d' | '-dd' | '-ddd', expression: string): string =>
  must(form, expression).toString()

/** The packets of the recorded traffic that an expression accepts. */
export const accepted = (expression: string): Uint8Array[] => readPcap(must('-w', '-', expression))

/** Expressions that between them use most of what libpcap generates. */
export const EXPRESSIONS: readonly string[] = [
  'tcp',
  'udp port 53',
  'tcp port 80 and host 192.0.2.10',
  'tcp dst portrange 5000-5999',
  'ip6[6] = 6 and ip6[53] & 3 != 0',
  'tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420',
  'ip6',
  'ip6 proto 58',
  'icmp[icmptype] == icmp-echo or icmp6',
  'src net 192.0.2.0/28 and not port 5201',
  'vlan',
  'vlan and ip',
  'vlan and tcp port 80',
  'ip[6:2] & 0x3fff != 0',
  'ether broadcast or ether multicast',
  'arp',
  'greater 1000',
  'less 64 and len != 60',
  'ip[2:2] * 2 - 40 > len',
  'ip[8] % 7 = 1 or ip[8] / 3 = 21',
  'ether[6:4] ^ ether[0:4] = 0',
  'tcp[2:2] << 1 > 10000 and tcp[0:2] >> 2 < 2000',
  'host 2001:db8::1 and tcp src port 443',
  'not ip and not ip6',
  'ip proto 17 and ip[0] & 0xf = 5',
]
