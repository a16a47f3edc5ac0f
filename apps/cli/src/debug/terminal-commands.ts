import type { Debugger, Frame, Location, Stop } from '@skep/debugger'
import type { Collection } from '@skep/runtime'
import { parseHex } from '../input.ts'
import { UsageError } from '../report.ts'
import { bytesText, hexOf, type Variable, Variables } from './variables.ts'

/** What a command works on. */
export interface Terminal {
  readonly session: Debugger
  readonly collection: Collection
  readonly print: (text: string) => void
}

interface TerminalCommand {
  /** All its names; the first is the one that is told. */
  readonly names: readonly string[]
  readonly usage?: string
  readonly help: string
  /** What it does; a stop is told, and so is what it returns. */
  readonly run: (terminal: Terminal, args: string) => Stop | string | undefined
}

/** Lines or instructions around the place. */
const AROUND = 5
/** An empty argument is 1. */
const count = (args: string): number => {
  const number = args === '' ? 1 : Number(args)
  if (Number.isInteger(number) && number > 0) return number
  throw new UsageError(`${args} is no count; give an integer from 1`)
}
const times = (args: string, step: () => Stop): Stop => {
  let stop = step()
  for (let left = count(args) - 1; left > 0 && stop.reason === 'step'; left--) stop = step()
  return stop
}

/** `main.bpf.c:12`, `12`, `*7` (a slot), the name of a function, or that of a helper, which stands for its calls. */
export function parseLocation(text: string): Location {
  const slot = /^\*(\d+)$/.exec(text)
  if (slot) return { kind: 'insn', pc: Number(slot[1]) }
  const line = /^(?:(.+):)?(\d+)$/.exec(text)
  if (line) return { kind: 'line', line: Number(line[2]), ...(line[1] ? { file: line[1] } : {}) }
  if (/^[a-z_]\w*$/i.test(text))
    return text.startsWith('bpf_') ? { kind: 'helper', name: text } : { kind: 'function', name: text }
  throw new UsageError(
    `${text || 'nothing'} is no place; give a line, file:line, *slot, a function or a helper`,
  )
}

function breakAt({ session }: Terminal, args: string): string {
  const [, place = '', condition] = /^(\S*)(?:\s+if\s+(.+))?$/.exec(args) ?? []
  if (place === '')
    throw new UsageError('break takes a place: a line, file:line, *slot, a function or a helper')
  const { id, line, slots } = session.addBreakpoint(parseLocation(place), condition ? { condition } : {})
  const where = [...slots].map(([program, all]) => `${program}:${all.join(',')}`).join(' ')
  return `breakpoint ${id} at ${where}${line === undefined ? '' : `, line ${line}`}`
}

function watch({ session }: Terminal, args: string): string {
  const register = /^r(\d+)$/.exec(args)
  const map = /^(\w+)\[([0-9a-f]+)\]$/i.exec(args)
  const memory = /^(\S+)\s+(\d+)$/.exec(args)
  if (register)
    return `watchpoint ${session.addWatchpoint({ kind: 'register', register: Number(register[1]) }).id}`
  if (map)
    return `watchpoint ${session.addWatchpoint({ kind: 'map', map: map[1]!, key: parseHex(map[2]!, 'the key') }).id}`
  if (memory) {
    const address = Number(session.evaluate(memory[1]!))
    return `watchpoint ${session.addWatchpoint({ kind: 'memory', address, size: Number(memory[2]) }).id}`
  }
  throw new UsageError('watch takes a register (r6), an element (map[key in hex]), or an address and a size')
}

const tree = (variables: Variables, list: readonly Variable[], indent = ''): string =>
  list
    .map(({ name, value, reference }) => {
      const below = reference ? tree(variables, variables.of(reference), `${indent}  `) : ''
      return `${indent}${name} ${value}`.trimEnd() + (below ? `\n${below}` : '')
    })
    .join('\n')

function info({ session, collection }: Terminal, args: string): string {
  const variables = new Variables(session, collection)
  const scope = variables.scopes(0).find(({ name }) => name.toLowerCase() === args)
  if (scope) return tree(variables, variables.of(scope.reference)) || 'nothing'
  if (args === 'breakpoints') {
    const all = session.breakpoints.map(
      ({ id, location, condition, hits }) =>
        `${id} ${Object.values(location).join(' ')}${condition ? ` if ${condition}` : ''}, met ${hits} times`,
    )
    const watched = session.watchpoints.map(
      ({ id, watched: one, hits }) => `${id} watch ${one.kind}, ${hits} times`,
    )
    return [...all, ...watched].join('\n') || 'none'
  }
  throw new UsageError('info takes registers, stack, maps, packet or breakpoints')
}

function examine({ session }: Terminal, args: string): string {
  const [, address = '', size = '16'] = /^(\S+)(?:\s+(\d+))?$/.exec(args) ?? []
  const at = session.evaluate(address)
  return `${hexOf(at)}: ${bytesText(session.memory(at, Number(size)))}`
}

const where = ({ function: name, source, pc, text }: Frame): string =>
  `${name} at ${source ? `${source.file}:${source.line}` : `slot ${pc}`}: ${source?.text.trim() ?? text}`

function disassemble({ session }: Terminal): string {
  const { program, pc } = session.place
  const code = session.code(program)
  const slots = (code?.insns ?? []).flatMap((_, slot) => (code!.at(slot) ? [slot] : []))
  const middle = slots.indexOf(pc)
  return slots
    .slice(Math.max(middle - AROUND, 0), middle + AROUND + 1)
    .map((slot) => `${slot === pc ? '=>' : '  '} ${slot}: ${code!.textAt(slot)}`)
    .join('\n')
}

function set({ session }: Terminal, args: string): undefined {
  const [, register, value] = /^r(\d+)\s*=\s*(.+)$/.exec(args) ?? []
  if (register === undefined) throw new UsageError('set takes a register and a value: set r3 = 42')
  session.setRegister(Number(register), session.evaluate(value!))
}

/** The commands, named as gdb names them. */
export const terminalCommands: readonly TerminalCommand[] = [
  { names: ['break', 'b'], usage: 'PLACE [if CONDITION]', help: 'stop there', run: breakAt },
  {
    names: ['watch'],
    usage: 'rN | MAP[KEY] | ADDRESS SIZE',
    help: 'stop behind what changes it',
    run: watch,
  },
  {
    names: ['delete', 'd'],
    usage: 'ID',
    help: 'take a breakpoint or watchpoint away',
    run: ({ session }, args) => (session.remove(count(args)) ? undefined : `there is no ${args}`),
  },
  { names: ['continue', 'c', 'run', 'r'], help: 'go on', run: ({ session }) => session.continue() },
  {
    names: ['step', 's'],
    usage: '[N]',
    help: 'to the next line',
    run: ({ session }, args) => times(args, () => session.stepLine()),
  },
  {
    names: ['next', 'n'],
    usage: '[N]',
    help: 'to the next line, over calls',
    run: ({ session }, args) => times(args, () => session.stepLineOver()),
  },
  { names: ['finish'], help: 'until the function has returned', run: ({ session }) => session.stepOut() },
  {
    names: ['stepi', 'si'],
    usage: '[N]',
    help: 'so many instructions',
    run: ({ session }, args) => session.step(count(args)),
  },
  {
    names: ['nexti', 'ni'],
    usage: '[N]',
    help: 'so many instructions, over calls',
    run: ({ session }, args) => times(args, () => session.stepOver()),
  },
  { names: ['reverse-continue', 'rc'], help: 'go back', run: ({ session }) => session.continueBack() },
  {
    names: ['reverse-next', 'rn', 'reverse-step', 'rs'],
    usage: '[N]',
    help: 'to the line before',
    run: ({ session }, args) => times(args, () => session.stepLineBack()),
  },
  {
    names: ['reverse-finish'],
    help: 'to the call of the function',
    run: ({ session }) => session.stepBackOut(),
  },
  {
    names: ['reverse-stepi', 'rsi'],
    usage: '[N]',
    help: 'so many instructions back',
    run: ({ session }, args) => session.stepBack(count(args)),
  },
  {
    names: ['goto'],
    usage: 'POSITION',
    help: 'to where so many instructions are done',
    run: ({ session }, args) => session.seek(Number(args)),
  },
  {
    names: ['info', 'i'],
    usage: 'registers|stack|maps|packet|breakpoints',
    help: 'what there is to see',
    run: info,
  },
  {
    names: ['backtrace', 'bt'],
    help: 'the calls',
    run: ({ session }) => session.frames.map((frame, n) => `#${n} ${where(frame)}`).join('\n'),
  },
  {
    names: ['print', 'p'],
    usage: 'EXPRESSION',
    help: 'a value: r1, u32(r1 + 4), packet(12, 2)',
    run: ({ session }, args) => {
      const value = session.evaluate(args)
      return `${hexOf(value)} (${BigInt.asIntN(64, value)})`
    },
  },
  { names: ['set'], usage: 'rN = EXPRESSION', help: 'change a register', run: set },
  { names: ['x'], usage: 'ADDRESS [BYTES]', help: 'memory', run: examine },
  { names: ['disassemble', 'dis'], help: 'instructions around the place', run: disassemble },
  { names: ['help', 'h'], help: 'this', run: () => helpText() },
]

const helpText = (): string =>
  terminalCommands
    .map(({ names, usage, help }) => `${`${names.join(', ')}${usage ? ` ${usage}` : ''}`.padEnd(46)} ${help}`)
    .concat(`${'quit, q'.padEnd(46)} end`)
    .join('\n')
