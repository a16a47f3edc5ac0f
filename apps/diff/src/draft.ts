import type { Row } from '@skep/registry'

/** One instruction; jumps and calls name the instruction they go to, so that others can come and go between. */
export interface Node {
  code: number
  dst: number
  src: number
  off: number
  imm: number
  /** The second slot's immediate of ld_imm64. */
  high?: number
  /** Where a jump, a bpf-to-bpf call or the address of a function goes. */
  target?: Node
  /** Index of the map that ld_imm64 refers to. */
  map?: number
  kfunc?: string
  /** Type of the function that begins here, in the row's BTF. */
  type?: number
}

/** A program that is easy to change. */
export interface Draft {
  readonly row: Omit<Row, 'insns' | 'refs' | 'kfuncs' | 'func_info'>
  readonly nodes: Node[]
}

export const LD_IMM64 = 0x18
const JA = 0x05
const JA32 = 0x06
const CALL = 0x85
export const PSEUDO_CALL = 1
export const PSEUDO_KFUNC = 2
export const PSEUDO_FUNC = 4
const EXIT = 0x95

/** Which field says where an instruction goes, in slots after it. */
export function targetField(node: Node): 'off' | 'imm' | undefined {
  if (node.code === LD_IMM64) return node.src === PSEUDO_FUNC ? 'imm' : undefined
  const kind = node.code & 7
  if (kind !== JA && kind !== JA32) return undefined
  if (node.code === CALL) return node.src === PSEUDO_CALL ? 'imm' : undefined
  if ((node.code & 0xf0) === (CALL & 0xf0) || (node.code & 0xf0) === (EXIT & 0xf0)) return undefined
  return node.code === JA32 ? 'imm' : 'off'
}

const slotsOf = (node: Node): number => (node.high === undefined ? 1 : 2)

export function parseDraft(row: Row): Draft {
  const { insns, refs, kfuncs, func_info, ...rest } = row
  const bytes = Buffer.from(insns, 'hex')
  const nodes: Node[] = []
  const bySlot: (Node | undefined)[] = []
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const node: Node = {
      code: bytes[at]!,
      dst: bytes[at + 1]! & 15,
      src: bytes[at + 1]! >> 4,
      off: bytes.readInt16LE(at + 2),
      imm: bytes.readInt32LE(at + 4),
    }
    nodes.push(node)
    bySlot[at >> 3] = node
    if (node.code === LD_IMM64 && at + 16 <= bytes.length) {
      node.high = bytes.readInt32LE(at + 12)
      at += 8
    }
  }
  bySlot.forEach((node, slot) => {
    const field = node && targetField(node)
    const target = field && bySlot[slot + node[field] + 1]
    if (target) node.target = target
  })
  for (const { insn, map } of refs ?? []) if (bySlot[insn]) bySlot[insn].map = map
  for (const { insn, name } of kfuncs ?? []) if (bySlot[insn]) bySlot[insn].kfunc = name
  const info = Buffer.from(func_info ?? '', 'hex')
  for (let at = 0; at + 8 <= info.length; at += 8) {
    const node = bySlot[info.readUInt32LE(at)]
    if (node) node.type = info.readUInt32LE(at + 4)
  }
  return { row: rest, nodes }
}

/** A file descriptor that no row names: what it stands for is this process's own affair, so none is meant. */
const strayFd = (node: Node): boolean =>
  node.code === LD_IMM64 && node.map === undefined && FD_KINDS.has(node.src)
/** BPF_PSEUDO_MAP_FD, MAP_VALUE, MAP_IDX, MAP_IDX_VALUE. */
const FD_KINDS: ReadonlySet<number> = new Set([1, 2, 5, 6])

export function rowOf(draft: Draft): Row {
  const { nodes } = draft
  const slots = new Map<Node, number>()
  let count = 0
  for (const node of nodes) {
    slots.set(node, count)
    count += slotsOf(node)
  }
  const bytes = Buffer.alloc(count * 8)
  const refs: { insn: number; map: number }[] = []
  const kfuncs: { insn: number; name: string }[] = []
  const info: number[] = []
  for (const node of nodes) {
    const slot = slots.get(node)!
    const to = node.target && slots.get(node.target)
    const field = to === undefined ? undefined : targetField(node)
    const distance = to === undefined ? 0 : to - slot - 1
    const at = slot * 8
    bytes[at] = node.code
    bytes[at + 1] = (node.dst & 15) | ((node.src & 15) << 4)
    bytes.writeInt16LE(((field === 'off' ? distance : node.off) << 16) >> 16, at + 2)
    bytes.writeInt32LE((field === 'imm' ? distance : strayFd(node) ? -1 : node.imm) | 0, at + 4)
    if (node.high !== undefined) bytes.writeInt32LE(node.high | 0, at + 12)
    if (node.map !== undefined && node.code === LD_IMM64 && FD_KINDS.has(node.src))
      refs.push({ insn: slot, map: node.map })
    if (node.kfunc !== undefined && node.code === CALL && node.src === PSEUDO_KFUNC)
      kfuncs.push({ insn: slot, name: node.kfunc })
    if (node.type !== undefined) info.push(slot, node.type)
  }
  return {
    ...draft.row,
    insns: bytes.toString('hex'),
    ...(draft.row.maps ? { refs } : {}),
    ...(kfuncs.length > 0 ? { kfuncs } : {}),
    ...(info.length > 0 ? { func_info: Buffer.from(Uint32Array.from(info).buffer).toString('hex') } : {}),
  }
}

/** A copy whose nodes are its own. */
export function copyDraft(draft: Draft): Draft {
  const copies = new Map(draft.nodes.map((node) => [node, { ...node }]))
  for (const node of copies.values()) {
    const target = node.target && copies.get(node.target)
    if (target) node.target = target
    else delete node.target
  }
  return { row: draft.row, nodes: [...copies.values()] }
}

/** Takes nodes out; what jumped to one goes to the next that stays, or the last. */
export function removeNodes(draft: Draft, from: number, count: number): void {
  const gone = new Set(draft.nodes.splice(from, count))
  const heir = draft.nodes[from] ?? draft.nodes.at(-1)
  for (const node of draft.nodes) {
    if (!node.target || !gone.has(node.target)) continue
    if (heir) node.target = heir
    else delete node.target
  }
  // A function keeps its type when its first instruction goes.
  for (const node of gone)
    if (node.type !== undefined && heir && heir.type === undefined) heir.type = node.type
}
