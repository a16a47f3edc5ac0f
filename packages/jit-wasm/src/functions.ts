import { control, type LinkedProgram } from '@skep/registry'
import type { ValueType } from '@skep/wasm'
import { type Block, findBlocks } from './blocks.ts'
import { isQuiet, MAX_ADDRESS, MAX_U64, NEED, type Need } from './calls.ts'
import { JitError } from './errors.ts'
import { makeReducible, type ReducibleGraph } from './reducible.ts'
import { type Step, structure } from './structure.ts'
import { unrollLoops } from './unroll.ts'
import { Values } from './values.ts'

/** A function of a program, analysed: what the code generator needs to write it, as often as it likes. */
export interface CompiledFunction {
  readonly program: LinkedProgram
  /** Slots [from, to). */
  readonly from: number
  readonly to: number
  readonly blocks: readonly Block[]
  readonly graph: ReducibleGraph
  readonly steps: readonly Step[]
  readonly values: Values
  /** Types of the parameters r1 to r5, undefined for those that are not read. */
  readonly params: readonly (ValueType | undefined)[]
  readonly usesMayGoto: boolean
  /** Whether it, or a function that it calls, touches its frame. */
  readonly usesFrame: boolean
  /** Whether it, or a function that it calls, calls a helper that may enter programs and callbacks again. */
  readonly callsHelpers: boolean
  readonly tailCalls: boolean
  /** Bytes of stack of the longest chain of calls from here, its own frame included. */
  readonly stack: number
  /** First slots of the subprograms that it calls. */
  readonly callees: readonly number[]
  /** First slots of the subprograms whose address it takes. */
  readonly callbacks: readonly number[]
}

/** Instructions that may be copied to make a program's loops have one entry each, at the least. */
const COPY_BUDGET = 200

const ALL_WIDE: readonly ValueType[] = ['i64', 'i64', 'i64', 'i64', 'i64']

/** Analyses the functions of a program that can be reached, callees before their callers; the main function has slot 0. */
export function analyseProgram(program: LinkedProgram, shared: boolean): Map<number, CompiledFunction> {
  if (!program.facts) {
    throw new JitError(
      'NO_FACTS',
      program.name,
      'the JIT compiles verified programs only; verify it, or interpret it',
    )
  }
  const done = new Map<number, CompiledFunction>()
  /** Functions being analysed: a call of one of them is a recursion, and takes all five registers. */
  const open = new Set<number>()
  const fixed = new Set<number>()
  const ends = new Map<number, number>()
  const starts = [...new Set([0, ...program.subprograms])].sort((a, b) => a - b)
  starts.forEach((start, n) => {
    ends.set(start, starts[n + 1] ?? program.insns.length)
  })

  const visit = (from: number): void => {
    open.add(from)
    for (const to of referencesOf(program, from, ends.get(from)!)) {
      if (!ends.has(to)) throw new JitError('BAD_PROGRAM', program.name, `no function begins at slot ${to}`)
      if (open.has(to)) fixed.add(to)
      else if (!done.has(to)) visit(to)
    }
    open.delete(from)
    done.set(from, analyseFunction(program, from, ends.get(from)!, done, fixed, shared))
  }
  visit(0)
  return done
}

/** First slots of the functions that the code in [from, to) calls or takes the address of. */
function referencesOf(program: LinkedProgram, from: number, to: number): Set<number> {
  const found = new Set<number>()
  for (let slot = from; slot < to; slot++) {
    const insn = program.insns[slot]!
    if (program.facts?.reachable[slot] !== 1) continue
    if (insn.def.kind === 'call' && insn.def.callee === 'local') found.add(slot + 1 + insn.imm)
    else if (insn.def.kind === 'ld_imm64' && insn.src === 4) found.add(Number(insn.imm64))
  }
  return found
}

function analyseFunction(
  program: LinkedProgram,
  from: number,
  to: number,
  done: ReadonlyMap<number, CompiledFunction>,
  fixed: ReadonlySet<number>,
  shared: boolean,
): CompiledFunction {
  const flow = findBlocks(program, from, to)
  const paramsOf = (target: number): readonly (ValueType | undefined)[] =>
    done.get(target)?.params ?? ALL_WIDE
  const needsOf = (target: number): Need[] =>
    paramsOf(target).map((type): Need => (type === 'i64' ? NEED.full : type ? NEED.low : NEED.none))
  const values = new Values(program, flow, from, to, {
    contextMax: from === 0 ? MAX_ADDRESS : MAX_U64,
    calleeNeeds: needsOf,
    shared,
  })
  const weight = (node: number): number => flow.blocks[node]!.end - flow.blocks[node]!.first
  const graph = unrollLoops(makeReducible(flow.graph, weight, Math.max(COPY_BUDGET, to - from)), weight)

  let usesMayGoto = false
  let usesFrame = false
  let callsHelpers = false
  let tailCalls = false
  let deepest = 0
  const callees = new Set<number>()
  const callbacks = new Set<number>()
  for (const block of flow.blocks) {
    for (let slot = block.first; slot < block.end; slot++) {
      const insn = program.insns[slot]!
      const { kind, fields } = insn.def
      if (kind === 'may_goto') usesMayGoto = true
      const names = fields as readonly string[]
      if ((names.includes('src') && insn.src === 10) || (names.includes('dst') && insn.dst === 10))
        usesFrame = true
      if (kind === 'ld_imm64' && insn.src === 4) callbacks.add(Number(insn.imm64))
      if (kind !== 'call' && kind !== 'callx') continue
      const plan = values.plan(slot)
      if (plan.kind === 'local') {
        callees.add(plan.target)
        const callee = done.get(plan.target)
        // A recursion, which no verified program has, is taken to be as deep as calls may be.
        deepest = Math.max(deepest, callee?.stack ?? control.MAX_CALL_FRAMES * control.MAX_BPF_STACK)
        usesFrame ||= callee?.usesFrame ?? true
        callsHelpers ||= callee?.callsHelpers ?? true
        tailCalls ||= callee?.tailCalls ?? true
      } else if (plan.kind === 'tail_call') {
        tailCalls = true
        usesFrame = true
      } else if (!isQuiet(plan)) {
        callsHelpers = true
      }
    }
  }
  const params = ALL_WIDE.map((_, n): ValueType | undefined => {
    const wide = values.parameterIsWide(n + 1)
    return wide === undefined ? undefined : wide ? 'i64' : 'i32'
  })
  return {
    program,
    from,
    to,
    blocks: flow.blocks,
    graph,
    steps: structure(graph),
    values,
    params: fixed.has(from) ? ALL_WIDE : params,
    usesMayGoto,
    usesFrame,
    callsHelpers,
    tailCalls,
    stack: control.MAX_BPF_STACK + deepest,
    callees: [...callees],
    callbacks: [...callbacks],
  }
}
