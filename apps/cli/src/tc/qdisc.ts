import { matches, parseClassid, Words } from '@skep/loader-tc'
import { kernelError, TcFailure } from './failure.ts'
import { removeFilter, type TcDevice, type TcState } from './state.ts'

/** `tc qdisc …`: clsact and ingress, which are what filters of BPF are attached to here. Throws TcFailure and TcError. */
export function runQdisc(state: TcState, args: readonly string[]): string[] {
  const [command = 'show', ...rest] = args
  if (matches(command, 'add') || matches(command, 'replace'))
    return add(state, rest, !matches(command, 'add'))
  if (matches(command, 'delete')) return remove(state, rest)
  if (['show', 'list', 'lst'].some((word) => matches(command, word))) return show(state, rest)
  throw new TcFailure(255, `Command "${command}" is unknown, try "tc qdisc help".`)
}

interface QdiscWords {
  readonly device: TcDevice | undefined
  readonly kind: string | undefined
}

function read(state: TcState, args: readonly string[]): QdiscWords {
  const words = new Words(args)
  let device: TcDevice | undefined
  let kind: string | undefined
  while (!words.done) {
    if (words.isExactly('dev')) device = state.device(words.takeNext())
    else if (words.isExactly('handle', 'parent')) {
      if (parseClassid(words.takeNext()) === undefined) throw words.bad('invalid qdisc ID')
    } else if (kind === undefined) kind = words.take()
    else throw new TcFailure(255, `Garbage instead of arguments "${words.word} ...". Try "tc qdisc help".`)
  }
  return { device, kind }
}

function need(device: TcDevice | undefined): TcDevice {
  if (!device) throw new TcFailure(255, 'Must specify netdevice "dev"')
  return device
}

function add(state: TcState, args: readonly string[], replace: boolean): string[] {
  const words = read(state, args)
  const device = need(words.device)
  const { kind } = words
  if (kind !== 'clsact' && kind !== 'ingress')
    throw new TcFailure(
      2,
      'Error: Specified qdisc kind is unknown.',
      `"${kind ?? ''}" shapes traffic; here there are clsact and ingress, for filters`,
    )
  if (device.qdisc && !(replace && device.qdisc === kind))
    throw new TcFailure(2, 'Error: Exclusivity flag on, cannot modify.')
  device.qdisc = kind
  return []
}

function remove(state: TcState, args: readonly string[]): string[] {
  const { device: named, kind } = read(state, args)
  const device = need(named)
  if (!device.qdisc || (kind !== undefined && kind !== device.qdisc))
    throw new TcFailure(2, 'Error: Invalid handle.')
  for (const side of ['ingress', 'egress'] as const)
    for (const filter of device.filters[side].splice(0)) removeFilter(filter)
  device.qdisc = undefined
  return []
}

function show(state: TcState, args: readonly string[]): string[] {
  const { device: only } = read(state, args)
  return [...state.devices].flatMap(([name, device]) => {
    if (!device.qdisc || (only && only !== device)) return []
    const where = only ? '' : `dev ${name} `
    const tail = device.qdisc === 'ingress' ? '---------------- ' : ''
    return [`qdisc ${device.qdisc} ffff: ${where}parent ffff:fff1 ${tail}`]
  })
}

/** The side of a device that `parent` names, where its qdisc has it. Throws TcFailure as the kernel refuses it. */
export function sideOf(device: TcDevice, parent: number | undefined): 'ingress' | 'egress' {
  const [INGRESS, EGRESS, HANDLE, ROOT] = [0xffff_fff2, 0xffff_fff3, 0xffff_0000, 0xffff_ffff]
  if (parent === ROOT) throw kernelError("Specified class doesn't exist")
  if (!device.qdisc || parent === undefined) throw kernelError("Parent Qdisc doesn't exists")
  if (device.qdisc === 'ingress') {
    if (parent === INGRESS || parent === HANDLE) return 'ingress'
  } else if (parent === INGRESS) return 'ingress'
  else if (parent === EGRESS) return 'egress'
  throw new TcFailure(2, 'RTNETLINK answers: Invalid argument', 'We have an error talking to the kernel')
}
