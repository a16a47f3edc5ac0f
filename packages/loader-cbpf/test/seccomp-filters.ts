import { spawnSync } from 'node:child_process'
import { type ClassicInsn, encodeClassic } from '@skep/isa'

// A line is a filter in hex; the answer is the errno of an installation that is refused, else 0. Each filter is installed in
// a process of its own, which then lives no longer than to the end of its next system call: filters never go away.
const SCRIPT = `
use POSIX ();
$| = 1;
while (my $line = <STDIN>) {
  chomp $line;
  my $filter = pack 'H*', $line;
  my $program = pack 'S x!8 P', length($filter) / 8, $filter;
  my $child = fork;
  defined $child or die "fork: $!";
  if ($child == 0) {
    syscall(157, 38, 1, 0, 0, 0) == 0 or POSIX::_exit(255);
    syscall(157, 22, 2, $program) == 0 or POSIX::_exit($! + 0);
    POSIX::_exit(0);
  }
  waitpid $child, 0;
  print $? & 127 ? 0 : $? >> 8, "\\n";
}
`

const perl = spawnSync('perl', ['-MPOSIX', '-e', '1'])

/** Why seccomp filters cannot be installed here; undefined where they can. */
export const noSeccomp: string | undefined =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? `the script knows the system calls of Linux on x64, not of ${process.platform} on ${process.arch}`
    : perl.status === 0
      ? undefined
      : 'perl is not installed'

/** What prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER) says of each filter: 0 where it takes it, else the errno. */
export function askSeccomp(filters: readonly (readonly ClassicInsn[])[]): number[] {
  const input = filters.map((insns) => Buffer.from(encodeClassic(insns)).toString('hex'))
  const { stdout, stderr, status } = spawnSync('perl', ['-e', SCRIPT], {
    input: `${input.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`perl: ${stderr}`)
  return stdout.split('\n').slice(0, filters.length).map(Number)
}
