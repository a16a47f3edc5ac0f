import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)

/** The recorded capture, and a pcapng file with its first 120 packets by Wireshark's editcap. */
export const trafficPath: string = new URL('traffic.pcap', testdata).pathname
export const traffic: Uint8Array = new Uint8Array(readFileSync(trafficPath))
export const trafficNg: Uint8Array = new Uint8Array(readFileSync(new URL('traffic.pcapng', testdata)))

export const hasTcpdump: boolean = spawnSync('tcpdump', ['--version']).status === 0

/** What tcpdump reads in a capture: time in nanoseconds, and the bytes in hexadecimal. */
export function tcpdump(capture: Uint8Array): { time: bigint; hex: string }[] {
  const args = ['-r', '-', '-n', '-tt', '--time-stamp-precision=nano', '-xx']
  const text = execFileSync('tcpdump', args, {
    input: capture,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const packets: { time: bigint; hex: string }[] = []
  for (const line of text.split('\n')) {
    const dump = /^\t0x[0-9a-f]+: {2}((?:[0-9a-f]{2,4} ?)+)/.exec(line)
    if (dump) packets.at(-1)!.hex += dump[1]!.replaceAll(' ', '')
    const stamp = /^(\d+)\.(\d{9}) /.exec(line)
    if (stamp) packets.push({ time: BigInt(stamp[1]! + stamp[2]!), hex: '' })
  }
  return packets
}
