import { spawnSync } from 'node:child_process'
import { type ClassicInsn, encodeClassic } from '@skep/isa'

// Perl, for it is part of every Debian and has setsockopt with pointers. A line is a filter and packets in hex, each after a `=`; the answer
// is what the socket receives of each: its length, or `-`; or the errno of an attachment that the kernel refuses.
const SCRIPT = `
use Socket;
$| = 1;
while (my $line = <STDIN>) {
  chomp $line;
  my ($hex, @packets) = split / /, $line;
  my $filter = pack 'H*', $hex;
  socketpair(my $from, my $to, AF_UNIX, SOCK_DGRAM, 0) or die "socketpair: $!";
  my $program = pack 'S x!8 P', length($filter) / 8, $filter;
  unless (setsockopt $to, SOL_SOCKET, 26, $program) { print 'E', $! + 0, "\\n"; next }
  my @found;
  for my $packet (@packets) {
    send $from, pack('H*', substr $packet, 1), 0;
    my $data;
    push @found, defined recv($to, $data, 1 << 17, MSG_DONTWAIT) ? length $data : '-';
  }
  print "@found\\n";
}
`

const perl = spawnSync('perl', ['-MSocket', '-e', '1'])

/** Why filters cannot be attached to real sockets here; undefined where they can. */
export const noSockets: string | undefined =
  process.platform !== 'linux'
    ? `this is ${process.platform}, and SO_ATTACH_FILTER is Linux's`
    : perl.status === 0
      ? undefined
      : 'perl with Socket is not installed'

/** What the kernel does with a filter: what a datagram socket receives of each packet, null for nothing; or the errno. */
export type SocketAnswer = { readonly errno: number } | { readonly received: readonly (number | null)[] }

/** Attaches each filter to one end of a socket pair (SO_ATTACH_FILTER) and sends the packets to it. */
export function askSockets(
  runs: readonly { readonly insns: readonly ClassicInsn[]; readonly packets: readonly Uint8Array[] }[],
): SocketAnswer[] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const input = runs.map(({ insns, packets }) =>
    [hex(encodeClassic(insns)), ...packets.map((packet) => `=${hex(packet)}`)].join(' '),
  )
  const { stdout, stderr, status } = spawnSync('perl', ['-e', SCRIPT], {
    input: `${input.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`perl: ${stderr}`)
  const lines = stdout.split('\n').slice(0, runs.length)
  return lines.map((line) =>
    line.startsWith('E')
      ? { errno: Number(line.slice(1)) }
      : { received: line.split(' ').map((word) => (word === '-' ? null : Number(word))) },
  )
}
