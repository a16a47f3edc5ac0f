import { type Insn, targetDelta } from '@skep/isa'

/** What a run may reach beside its registers. */
export interface ReferenceWorld {
  readonly view: DataView
  readonly stackTop: number
  readonly helpers: ReadonlyMap<number, (...r: readonly bigint[]) => bigint>
  /** Instructions before the run is given up. */
  readonly limit: number
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value)

/** RFC 9669 by the letter, in BigInts and without haste: what compiled code is compared with. Returns r0, or undefined. */
export function interpret(
  insns: readonly Insn[],
  world: ReferenceWorld,
  args: readonly bigint[],
): bigint | undefined {
  let left = world.limit
  const { view } = world

  const load = (address: bigint, size: number): bigint => {
    const at = Number(u32(address))
    switch (size) {
      case 1:
        return BigInt(view.getUint8(at))
      case 2:
        return BigInt(view.getUint16(at, true))
      case 4:
        return BigInt(view.getUint32(at, true))
      default:
        return view.getBigUint64(at, true)
    }
  }
  const store = (address: bigint, size: number, value: bigint): void => {
    const at = Number(u32(address))
    if (size === 8) view.setBigUint64(at, u64(value), true)
    else if (size === 4) view.setUint32(at, Number(u32(value)), true)
    else if (size === 2) view.setUint16(at, Number(value & 0xffffn), true)
    else view.setUint8(at, Number(value & 0xffn))
  }
  const alu = (op: string, width: 32 | 64, a: bigint, b: bigint): bigint => {
    const trim = (value: bigint): bigint => BigInt.asUintN(width, value)
    const signed = (value: bigint): bigint => BigInt.asIntN(width, value)
    const [x, y] = [trim(a), trim(b)]
    const amount = y & BigInt(width - 1)
    switch (op) {
      case 'add':
        return trim(x + y)
      case 'sub':
        return trim(x - y)
      case 'mul':
        return trim(x * y)
      case 'div':
        return y === 0n ? 0n : x / y
      case 'sdiv':
        return y === 0n ? 0n : trim(signed(x) / signed(y))
      case 'mod':
        return y === 0n ? x : x % y
      case 'smod':
        return y === 0n ? x : trim(signed(x) % signed(y))
      case 'or':
        return x | y
      case 'and':
        return x & y
      case 'xor':
        return x ^ y
      case 'lsh':
        return trim(x << amount)
      case 'rsh':
        return x >> amount
      case 'arsh':
        return trim(signed(x) >> amount)
      default:
        throw new Error(op)
    }
  }
  const holds = (op: string, width: 32 | 64, a: bigint, b: bigint): boolean => {
    const [x, y] = [BigInt.asUintN(width, a), BigInt.asUintN(width, b)]
    const [s, t] = [BigInt.asIntN(width, a), BigInt.asIntN(width, b)]
    switch (op) {
      case 'eq':
        return x === y
      case 'ne':
        return x !== y
      case 'gt':
        return x > y
      case 'ge':
        return x >= y
      case 'lt':
        return x < y
      case 'le':
        return x <= y
      case 'set':
        return (x & y) !== 0n
      case 'sgt':
        return s > t
      case 'sge':
        return s >= t
      case 'slt':
        return s < t
      case 'sle':
        return s <= t
      default:
        throw new Error(op)
    }
  }
  const swap = (value: bigint, size: number): bigint => {
    let result = 0n
    for (let n = 0; n < size; n++) result = (result << 8n) | ((value >> BigInt(8 * n)) & 0xffn)
    return result
  }

  const run = (start: number, parameters: readonly bigint[], fp: bigint): bigint | undefined => {
    const r = new Array<bigint>(11).fill(0n)
    parameters.forEach((value, n) => {
      r[n + 1] = u64(value)
    })
    r[10] = fp
    for (let slot = start; ; slot++) {
      if (left-- <= 0) return undefined
      const insn = insns[slot]!
      const { def, dst, src, off, imm } = insn
      const operand = def.source === 'reg' ? r[src]! : BigInt(imm)
      switch (def.kind) {
        case 'alu':
          r[dst] = alu(def.aluOp, def.width, r[dst]!, operand)
          break
        case 'mov':
          r[dst] = BigInt.asUintN(def.width, operand)
          break
        case 'movsx':
          r[dst] = BigInt.asUintN(def.width, BigInt.asIntN(def.from, operand))
          break
        case 'neg':
          r[dst] = BigInt.asUintN(def.width, -r[dst]!)
          break
        case 'endian': {
          const value = BigInt.asUintN(def.size * 8, r[dst]!)
          r[dst] = def.order === 'le' ? value : swap(value, def.size)
          break
        }
        case 'addr_space_cast':
          r[dst] = u32(r[src]!)
          break
        case 'ld_imm64':
          r[dst] = insn.imm64!
          slot++
          break
        case 'ldx':
        case 'load_acq':
          r[dst] = load(r[src]! + BigInt(off), def.size)
          break
        case 'ldxsx':
          r[dst] = u64(BigInt.asIntN(def.size * 8, load(r[src]! + BigInt(off), def.size)))
          break
        case 'st':
          store(r[dst]! + BigInt(off), def.size, BigInt(imm))
          break
        case 'stx':
        case 'store_rel':
          store(r[dst]! + BigInt(off), def.size, r[src]!)
          break
        case 'atomic': {
          const address = r[dst]! + BigInt(off)
          const old = load(address, def.size)
          const value = BigInt.asUintN(def.size * 8, r[src]!)
          if (def.atomicOp === 'cmpxchg') {
            if (old === BigInt.asUintN(def.size * 8, r[0]!)) store(address, def.size, value)
            r[0] = old
          } else {
            store(address, def.size, def.atomicOp === 'xchg' ? value : alu(def.atomicOp, 64, old, value))
            if (def.fetch) r[src] = old
          }
          break
        }
        case 'jump':
          if (holds(def.jumpOp, def.width, r[dst]!, operand)) slot += off
          break
        case 'ja':
          slot += targetDelta(insn)!
          break
        case 'call': {
          const passed = r.slice(1, 6)
          const result =
            def.callee === 'local'
              ? run(slot + 1 + imm, passed, fp - 512n)
              : world.helpers.get(imm)!(...passed)
          if (result === undefined) return undefined
          r[0] = u64(result)
          break
        }
        case 'exit':
          return r[0]
        default:
          throw new Error(`the reference does not run ${def.name}`)
      }
    }
  }
  return run(0, args, BigInt(world.stackTop))
}
