import {
  actionValue,
  architectureOf,
  type PolicyComparison,
  type SeccompCall,
  type SeccompPolicy,
  syscallsOf,
} from '../src/index.ts'

/** What a policy says of a call, read word for word, without any filter. Calls behind `socketcall` and `ipc` too. */
export function policyAnswer(policy: SeccompPolicy, call: SeccompCall): number {
  const { token } = architectureOf(call.arch as string)
  const value = (action: SeccompPolicy['default']): number => actionValue(action, '') >>> 0
  const nr = call.nr! >>> 0
  const arches = (policy.architectures ?? ['x86_64']).map((name) => architectureOf(name))
  const arch = arches.find(
    (one) => one.token === token && (one.name !== 'x86_64' || nr < 0x4000_0000 || nr === 0xffff_ffff),
  )
  if (arch === undefined) return value(policy.badArch ?? 'kill')
  const table = syscallsOf(arch.name)
  const named = [...table].find(([, number]) => number === nr)?.[0]
  const first = Number(BigInt(call.args?.[0] ?? 0) & 0xffff_ffffn)
  const names = new Set<string | number>([nr, ...(named === undefined ? [] : [named])])
  if (named === 'socketcall') names.add(SOCKETCALL[first] ?? '')
  if (named === 'ipc') names.add(IPC[first & 0xffff] ?? '')
  for (const { syscalls, action, args = [] } of policy.rules)
    if (syscalls.some((name) => names.has(name)) && args.every((one) => holds(one, call, arch.bits)))
      return value(action)
  return value(policy.default)
}

function holds(comparison: PolicyComparison, call: SeccompCall, own: 32 | 64): boolean {
  const bits = Math.min(comparison.bits ?? 64, own)
  const narrow = (one: number | bigint | string): bigint => BigInt.asUintN(bits, BigInt(one))
  const argument = narrow(call.args?.[comparison.arg] ?? 0)
  const value = narrow(comparison.value)
  switch (comparison.op) {
    case 'eq':
      return argument === value
    case 'ne':
      return argument !== value
    case 'lt':
      return argument < value
    case 'le':
      return argument <= value
    case 'gt':
      return argument > value
    case 'ge':
      return argument >= value
    case 'masked_eq':
      return (argument & narrow(comparison.mask!)) === value
  }
}

const SOCKETCALL: readonly string[] =
  ',socket,bind,connect,listen,accept,getsockname,getpeername,socketpair,send,recv,sendto,recvfrom,shutdown,setsockopt,getsockopt,sendmsg,recvmsg,accept4,recvmmsg,sendmmsg'.split(
    ',',
  )
const IPC: readonly string[] =
  ',semop,semget,semctl,semtimedop,,,,,,,msgsnd,msgrcv,msgget,msgctl,,,,,,,shmat,shmdt,shmget,shmctl'.split(
    ',',
  )
