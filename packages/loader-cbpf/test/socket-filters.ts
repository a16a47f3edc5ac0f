import { spawnSync } from 'node:child_process'
import { type ClassicInsn, encodeClassic } from '@skep/isa'

// Perl, for it is part of every Debian and has setsockopt with pointers. A line is a filter and packets in hex, each after
// its mark and a `=`. The answer is what the socket receives of each: its length, or `-`, and on packet sockets also what
// an unfiltered one was told of it; or the errno of an attachment that the kernel refuses.
const SCRIPT = `
use Socket;
$| = 1;
my ($where, $cpu, $own) = @ARGV;
my ($from, $to, $seen);
if ($own) {
  syscall(203, 0, 128, pack('x' . ($cpu >> 3) . ' C x' . (127 - ($cpu >> 3)), 1 << ($cpu & 7))) == -1 and die "cpu: $!";
  # Room for the longest filters, which a namespace has of its own.
  open my $room, '>', '/proc/sys/net/core/optmem_max' or die "optmem_max: $!";
  print $room 1 << 24;
  close $room;
}
if ($where eq 'unix') {
  socketpair($from, $to, AF_UNIX, SOCK_DGRAM, 0) or die "socketpair: $!";
} else {
  socket(my $any, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
  my $up = pack 'a16 s x22', 'lo', 1;
  ioctl($any, 0x8914, $up) or die "lo: $!";
  my $lo = pack 'S n l x12', 17, 3, 1;
  # Sockets that are bound later are told earlier: when this one has a packet, the filtered one has had it.
  for my $one ([\\$seen, SOCK_RAW], [\\$to, $where eq 'raw' ? SOCK_RAW : SOCK_DGRAM]) {
    socket(\${$one->[0]}, 17, $one->[1], 0) or die "packet socket: $!";
    setsockopt(\${$one->[0]}, 263, 23, pack 'i', 1) or die "PACKET_IGNORE_OUTGOING: $!";
    bind(\${$one->[0]}, $lo) or die "bind: $!";
  }
  socket($from, 17, SOCK_RAW, 0) or die "packet socket: $!";
  bind($from, pack 'S n l x12', 17, 0, 1) or die "bind: $!";
}
sub drain { my $data; 1 while defined recv($_[0], $data, 1, MSG_DONTWAIT) }
while (my $line = <STDIN>) {
  chomp $line;
  my ($hex, @packets) = split / /, $line;
  my $filter = pack 'H*', $hex;
  my $program = pack 'S x!8 P', length($filter) / 8, $filter;
  unless (setsockopt $to, SOL_SOCKET, 26, $program) { print 'E', $! + 0, "\\n"; next }
  my @found;
  for my $packet (@packets) {
    my ($mark, $bytes) = split /=/, $packet;
    my ($data, $told);
    if ($seen) {
      drain($seen);
      drain($to);
      setsockopt($from, SOL_SOCKET, 36, pack 'L', $mark) or die "SO_MARK: $!";
    }
    defined send($from, pack('H*', $bytes), 0) or die "send: $!";
    if ($seen) {
      my $ready = '';
      vec($ready, fileno($seen), 1) = 1;
      if (select($ready, undef, undef, 5)) {
        my $address = recv $seen, $data, 1 << 17, MSG_DONTWAIT;
        my (undef, $protocol, $ifindex, $hatype, $pkttype) = unpack 'S n l S C', $address;
        $told = join '/', length $data, $protocol, $ifindex, $hatype, $pkttype;
      } else { $told = 'lost' }
    }
    my $length = defined recv($to, $data, 1 << 17, MSG_DONTWAIT) ? length $data : '-';
    push @found, defined $told ? "$length/$told" : $length;
  }
  print "@found\\n";
}
`

const perl = spawnSync('perl', ['-MSocket', '-e', '1'])
const namespace = spawnSync('unshare', ['--net', 'true'])

/** Why filters cannot be attached to real sockets here; undefined where they can. */
export const noSockets: string | undefined =
  process.platform !== 'linux'
    ? `this is ${process.platform}, and SO_ATTACH_FILTER is Linux's`
    : perl.status === 0
      ? undefined
      : 'perl with Socket is not installed'

/** Why there are no packet sockets in a network namespace of their own; undefined where there are. */
export const noPacketSockets: string | undefined =
  noSockets ??
  (process.arch !== 'x64'
    ? `the script knows the system calls of x64, not of ${process.arch}`
    : namespace.status === 0
      ? undefined
      : 'this process may not make network namespaces (unshare --net)')

/**
 * Where a filter sits: on one end of a pair of AF_UNIX datagram sockets, or on a packet socket at the loopback device of a
 * network namespace, which sees frames (`raw`) or what follows their Ethernet header (`dgram`).
 */
export type Venue = 'unix' | 'raw' | 'dgram'

/** What another packet socket was told of a frame (`struct sockaddr_ll`). */
export interface Told {
  readonly length: number
  readonly protocol: number
  readonly ifindex: number
  readonly hatype: number
  readonly pkttype: number
}

/** What the kernel does with a filter: what the socket receives of each packet, null for nothing; or the errno. */
export type SocketAnswer =
  | { readonly errno: number }
  | { readonly received: readonly (number | null)[]; readonly told?: readonly (Told | 'lost')[] }

export interface SocketRun {
  readonly insns: readonly ClassicInsn[]
  readonly packets: readonly Uint8Array[]
  /** SO_MARK of the sender, on packet sockets; 0 unless said. */
  readonly mark?: number
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Attaches each filter (SO_ATTACH_FILTER) and sends the packets to it, on one CPU where there are namespaces. */
export function askSockets(runs: readonly SocketRun[], venue: Venue = 'unix', cpu = 0): SocketAnswer[] {
  const input = runs.map(({ insns, packets, mark = 0 }) =>
    [hex(encodeClassic(insns)), ...packets.map((packet) => `${mark}=${hex(packet)}`)].join(' '),
  )
  const own = noPacketSockets === undefined
  const script = ['perl', '-e', SCRIPT, venue, String(cpu), own ? '1' : '']
  const [command, ...args] = own ? ['unshare', '--net', ...script] : script
  const { stdout, stderr, status } = spawnSync(command!, args, {
    input: `${input.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`perl: ${stderr}`)
  return stdout.split('\n').slice(0, runs.length).map(parseAnswer)
}

function parseAnswer(line: string): SocketAnswer {
  if (line.startsWith('E')) return { errno: Number(line.slice(1)) }
  const words = line === '' ? [] : line.split(' ').map((word) => word.split('/'))
  const received = words.map(([length]) => (length === '-' ? null : Number(length)))
  const told = words.flatMap(([, ...rest]): (Told | 'lost')[] => {
    if (rest.length === 0) return []
    if (rest[0] === 'lost') return ['lost']
    const [length, protocol, ifindex, hatype, pkttype] = rest.map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ]
    return [{ length, protocol, ifindex, hatype, pkttype }]
  })
  return told.length > 0 ? { received, told } : { received }
}
