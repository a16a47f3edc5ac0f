import { type ClassicInsn, classicOps } from '@skep/isa'
import { assignedIn, type FilterGraph, inOrder, type Node } from './graph.ts'
import { insn, type Memory, type Registers, ValueCode } from './to-classic-values.ts'
import type { ValueId } from './values.ts'

/** A machine to make code for: classic BPF, or the same with wider limits. */
export interface Machine {
  /** The farthest that a conditional jump goes. */
  readonly farthest: number
  readonly memory: Memory
  /** Values are kept in registers from node to node. */
  readonly carries: boolean
}

const NOTHING: Registers = { a: undefined, x: undefined }

/** The instructions of one node but for where it leads to. */
interface Block {
  readonly node: Node
  readonly code: readonly ClassicInsn[]
  /** The jump: by constant or by X. */
  readonly jump: ClassicInsn | undefined
  readonly whenTrue: Node | undefined
  readonly whenFalse: Node | undefined
}

/** Makes the code of a graph. `ends`: the instructions of nodes that lead nowhere. */
export function layOut(
  graph: FilterGraph,
  machine: Machine,
  root: Node,
  ends: (node: Node) => readonly ClassicInsn[],
): ClassicInsn[] {
  const order = inOrder(root)
  const entry = new Map<Node, Registers>([[root, NOTHING]])
  const blocks = order.map((node) => {
    const { block, after } = makeBlock(graph, machine, node, entry.get(node)!, ends)
    for (const next of [block.whenTrue, block.whenFalse]) {
      if (next === undefined) continue
      const known = entry.get(next)
      const met = known === undefined || !machine.carries ? after : meet(known, after)
      entry.set(next, machine.carries ? met : NOTHING)
    }
    return block
  })
  return link(machine.carries ? withoutTwins(withoutStores(blocks)) : blocks, machine.farthest)
}

const STORE = classicOps.st.code
const FETCHES: ReadonlySet<number> = /* @__PURE__ */ new Set([
  classicOps.ld_mem.code,
  classicOps.ldx_mem.code,
])

/** What nothing fetches is not stored. Inside of loops it stays: jumps there have their distances already. */
function withoutStores(blocks: readonly Block[]): readonly Block[] {
  const fetched = new Set<number>()
  for (const { code } of blocks) for (const one of code) if (FETCHES.has(one.code)) fetched.add(one.k)
  return blocks.map((block) => {
    if (block.node.effects.some(({ kind }) => kind === 'loop')) return block
    return { ...block, code: block.code.filter((one) => one.code !== STORE || fetched.has(one.k)) }
  })
}

/** Equal code that goes on alike is there once: what it works on may differ. */
function withoutTwins(blocks: readonly Block[]): Block[] {
  const known = new Map<string, Node>()
  const become = new Map<Node, Node>()
  const kept: Block[] = []
  for (const block of blocks.toReversed()) {
    const whenTrue = block.whenTrue && (become.get(block.whenTrue) ?? block.whenTrue)
    const whenFalse = block.whenFalse && (become.get(block.whenFalse) ?? block.whenFalse)
    const words = [...block.code, ...(block.jump ? [block.jump] : [])].map(
      ({ code, k, jt }) => `${code} ${k} ${jt}`,
    )
    const key = `${words.join(';')}:${whenTrue?.id}:${whenFalse?.id}`
    const twin = known.get(key)
    if (twin === undefined) {
      known.set(key, block.node)
      kept.push({ ...block, whenTrue, whenFalse })
    } else become.set(block.node, twin)
  }
  return kept.reverse()
}

const meet = (one: Registers, other: Registers): Registers => ({
  a: one.a === other.a ? one.a : undefined,
  x: one.x === other.x ? one.x : undefined,
})

function makeBlock(
  graph: FilterGraph,
  machine: Machine,
  node: Node,
  before: Registers,
  ends: (node: Node) => readonly ClassicInsn[],
): { block: Block; after: Registers } {
  let code = new ValueCode(graph.values, machine.memory, before)
  const insns: ClassicInsn[] = []
  for (const effect of node.effects) {
    switch (effect.kind) {
      case 'touch':
        code.toA(effect.value)
        break
      case 'assign':
        code.toA(effect.value)
        code.out.push(insn('st', machine.memory.word(effect.variable)))
        break
      case 'loop':
        insns.push(
          ...code.out,
          ...blur(machine, assignedIn(effect.body)),
          ...loopCode(graph, machine, effect),
        )
        code = new ValueCode(graph.values, machine.memory, NOTHING)
    }
  }
  const { whenTrue, whenFalse } = node
  const jump = node.test === undefined ? undefined : jumpOf(graph, code, node)
  insns.push(...code.out)
  if (whenTrue === undefined) insns.push(...ends(node))
  const turned = jump?.turned ?? false
  return {
    block: {
      node,
      code: insns,
      jump: jump?.insn,
      whenTrue: turned ? whenFalse : whenTrue,
      whenFalse: turned ? whenTrue : whenFalse,
    },
    after: code.registers,
  }
}

/** Computes what a test compares; `turned`: the jump tests the opposite. */
function jumpOf(
  { values }: FilterGraph,
  code: ValueCode,
  node: Node,
): { readonly insn: ClassicInsn; readonly turned: boolean } {
  const { op, left, right } = node.test!
  const k = values.constantOf(right)
  if (k !== undefined) {
    if (op === 'set') {
      const masked: ValueId = values.add({ op: 'and', left, right })
      if (code.registers.a === values.plain(masked)) return { insn: insn('jeq_k', 0), turned: true }
    }
    code.toA(left)
    return { insn: insn(`j${op}_k`, k), turned: false }
  }
  const straight = code.both(left, right, true)
  if (straight || op === 'eq' || op === 'set') return { insn: insn(`j${op}_x`), turned: false }
  return { insn: insn(op === 'gt' ? 'jge_x' : 'jgt_x'), turned: true }
}

/**
 * Adds the packet's length to variables and takes it away again: a verifier that knows what they hold would go through
 * every round of a loop, each with other values.
 */
function blur({ memory }: Machine, variables: ReadonlySet<number>): ClassicInsn[] {
  return [...variables].flatMap((variable) => {
    const word = memory.word(variable)
    return [insn('ld_mem', word), insn('ldx_len'), insn('add_x'), insn('sub_x'), insn('st', word)]
  })
}

/** The body, then a jump back to it; what ends the loop goes on behind that. */
function loopCode(
  graph: FilterGraph,
  machine: Machine,
  { body, stop }: { readonly body: Node; readonly stop: Node },
): ClassicInsn[] {
  // Placeholders of one instruction each, so that distances are right; jt, which `ja` has not, tells them apart.
  const marker = insn('ja', 0)
  const code = layOut(graph, machine, body, (node) => [{ ...marker, jt: node === stop ? PAST : BACK }])
  const { length } = code
  return [
    ...code.map((one, at): ClassicInsn => {
      if (one.code !== marker.code || one.jt === 0) return one
      return { ...one, jt: 0, k: length - at - (one.jt === PAST ? 0 : 1) }
    }),
    { ...marker, k: -(length + 1) },
  ]
}

const BACK = 1
const PAST = 2

/** Puts blocks one after the other and finds the distances, from the end on. */
function link(blocks: readonly Block[], farthest: number): ClassicInsn[] {
  // Backwards: what is at the end of the program comes first.
  const out: ClassicInsn[] = []
  const start = new Map<Node, number>()
  const islands = new Map<Node, number>()
  const short = new Map<Node, readonly ClassicInsn[]>()
  for (const { node, code, jump, whenTrue, whenFalse } of blocks.toReversed()) {
    if (whenTrue === undefined || whenFalse === undefined) {
      if (code.length === 1) short.set(node, code)
    } else if (jump === undefined) {
      const distance = out.length - start.get(whenTrue)!
      if (distance > 0) out.push(insn('ja', distance))
    } else {
      /** How far it is to a node, or to an instruction that leads there. */
      const nearest = (to: Node): number => out.length - Math.max(start.get(to)!, islands.get(to) ?? 0)
      const bring = (to: Node): void => {
        const end = short.get(to)
        if (end) out.push(...end)
        else out.push(insn('ja', out.length - start.get(to)!))
        islands.set(to, out.length)
      }
      // An instruction more for one way out may make the other one too long.
      while (nearest(whenTrue) > farthest || nearest(whenFalse) > farthest) {
        bring(nearest(whenTrue) > farthest ? whenTrue : whenFalse)
      }
      out.push({ ...jump, jt: nearest(whenTrue), jf: nearest(whenFalse) })
    }
    for (const one of code.toReversed()) out.push(one)
    start.set(node, out.length)
  }
  return out.reverse()
}
