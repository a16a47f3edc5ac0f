import { type Lower, type LowerType, lowerRow } from '@skep/registry'
import type { MemoryInstruction, PlainInstruction } from '@skep/wasm'
import { emitSwap16, emitSwap32, emitSwap64 } from './emit-alu.ts'
import type { Emitter } from './emitter.ts'
import type { LoweredCall } from './lowered-call.ts'

/** Names that are bound, innermost last. */
type Scope = readonly { readonly name: string; readonly local: number; readonly type: LowerType }[]

/** Byte swaps, which are no instructions of WebAssembly. */
const swaps: Readonly<Record<string, (e: Emitter) => void>> = {
  'i32.bswap16': emitSwap16,
  'i32.bswap': emitSwap32,
  'i64.bswap': emitSwap64,
}

/** What is written in place of a call. */
export interface Lowered extends Pick<LoweredCall, 'lower' | 'repeats'> {
  /** The operand that is its argument 0. */
  readonly first: number
}

/** Writes an expression in place of the call at `slot`, and takes the result as r0. `call` writes the call itself. */
export function emitLowered(e: Emitter, slot: number, plan: Lowered, call: () => void): void {
  const write = (node: readonly unknown[], scope: Scope): LowerType => {
    const { code } = e
    const sub = (n: number, inner: Scope = scope): LowerType => write(node[n] as readonly unknown[], inner)
    const name = node[0] as string
    switch (name) {
      case 'i32':
        code.i32_const(node[1] as number)
        return 'i32'
      case 'i64':
        code.i64_const(node[1] as number | bigint)
        return 'i64'
      case 'control': {
        const base = e.pushControl(0)
        if (base !== 0) code.i32_const(base).i32_add()
        return 'i32'
      }
      case 'arg':
        e.push64(slot, plan.first + (node[1] as number), plan.repeats)
        return 'i64'
      case 'i32.wrap_i64': {
        const [inner, arg] = node[1] as readonly unknown[]
        if (inner === 'arg') e.push32(slot, plan.first + (arg as number), plan.repeats)
        else {
          sub(1)
          code.i32_wrap_i64()
        }
        return 'i32'
      }
      case 'call':
        call()
        return 'i64'
      case 'get': {
        const { local, type } = scope.findLast((bound) => bound.name === node[1])!
        code.local_get(local)
        return type
      }
      case 'let': {
        const type = sub(2)
        const local = e.scratch(`let ${type} ${scope.length}`, type)
        code.local_set(local)
        return sub(3, [...scope, { name: node[1] as string, local, type }])
      }
      case 'do':
        sub(1)
        return sub(2)
      case 'if': {
        sub(1)
        code.if(typeOf(node[2] as Lower, scope))
        const type = sub(2)
        code.else()
        sub(3)
        code.end()
        return type
      }
      case 'shared':
        return sub(e.env.shared ? 1 : 2)
    }
    const { operands, memory, result } = lowerRow(name)!
    operands.forEach((_, n) => {
      sub(n + 1)
    })
    const swap = swaps[name]
    const method = name.replace('.', '_')
    if (swap) swap(e)
    else if (memory) code[method as MemoryInstruction]((node[operands.length + 1] as number) ?? 0)
    else code[method as PlainInstruction]()
    return result as LowerType
  }
  if (write(plan.lower, []) === 'i64') e.set64(slot)
  else e.set32(slot)
}

/** The type of an expression that has been checked. */
function typeOf(node: readonly unknown[], scope: readonly { name: string; type: LowerType }[]): LowerType {
  const name = node[0] as string
  switch (name) {
    case 'i32':
    case 'control':
      return 'i32'
    case 'i64':
    case 'arg':
    case 'call':
      return 'i64'
    case 'get':
      return scope.findLast((bound) => bound.name === node[1])!.type
    case 'let': {
      const type = typeOf(node[2] as Lower, scope)
      return typeOf(node[3] as Lower, [...scope, { name: node[1] as string, type }])
    }
    case 'do':
    case 'if':
    case 'shared':
      return typeOf(node[2] as Lower, scope)
    default:
      return lowerRow(name)!.result as LowerType
  }
}
