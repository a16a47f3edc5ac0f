import { control, type StructMethodSpec } from '@skep/registry'
import type { Collection } from './collection.ts'
import { RuntimeError } from './errors.ts'
import { kindOf } from './kind-of.ts'
import type { Program } from './program.ts'

/**
 * A number, an address in the arena, or bytes that the program may change during the call; 0 for a pointer that may be null,
 * as the kernel says of the member.
 */
export type StructArgument = number | bigint | Uint8Array

/** Calls the program that implements a member: what it returns, as the member's type has it; 0 for void. */
export type StructMethod = (...args: readonly StructArgument[]) => bigint

/** What a host may say of the methods' types. */
export type StructMethods<M> = { readonly [K in keyof M]: (...args: never[]) => bigint }

/** A struct of functions that programs implement. */
export interface StructOps<M = Record<string, StructMethod>> {
  /** The variable's name. */
  readonly name: string
  /** The kernel's name of the struct. */
  readonly struct: string
  /** The struct as the object begins it: what is no function. */
  readonly value: Uint8Array
  /** By member; those that the object leaves out are not there. */
  readonly methods: M
}

/**
 * A struct of functions that programs of a collection implement (a variable of `.struct_ops`), for the host to call; `M` says
 * the methods' types. Throws RuntimeError NO_SUCH_MAP.
 */
export function openStructOps<M extends StructMethods<M> = Record<string, StructMethod>>(
  { spec: { structOps = [] }, programs }: Collection,
  name: string,
): StructOps<M> {
  const found = structOps.find((one) => one.name === name)
  if (!found) {
    const known = structOps.map((one) => one.name).join(', ') || 'none'
    throw new RuntimeError('NO_SUCH_MAP', name, `no struct_ops "${name}"; the collection has: ${known}`)
  }
  const methods = found.methods.flatMap((method) => {
    const program = programs.get(method.program)
    return program ? [[method.member, methodOf(`${name}.${method.member}`, program, method)] as const] : []
  })
  const { struct, value } = found
  return { name, struct, value: value.slice(), methods: Object.fromEntries(methods) as unknown as M }
}

function methodOf(name: string, program: Program, { args: count, returns }: StructMethodSpec): StructMethod {
  return (...args) => {
    if (args.length !== count) {
      throw new RuntimeError('BAD_OPTION', name, `${name} takes ${count} arguments, not ${args.length}`)
    }
    const { arena } = program.host
    const blocks: number[] = []
    const take = (bytes: number): number => {
      const block = arena.alloc(bytes, 16)
      blocks.push(block)
      return block
    }
    try {
      const context = take(control.RUN_HEADER_SIZE + 8 * Math.max(count, 1)) + control.RUN_HEADER_SIZE
      const lent: { readonly bytes: Uint8Array; readonly at: number }[] = []
      const words = args.map((value, n) => {
        if (value instanceof Uint8Array) {
          const at = take(Math.max(value.length, 8))
          arena.u8.set(value, at)
          lent.push({ bytes: value, at })
          return BigInt(at)
        }
        if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt.asUintN(64, BigInt(value))
        const what = `argument ${n} of ${name} is ${kindOf(value)}`
        throw new RuntimeError('BAD_OPTION', name, `${what}; give an integer, or a Uint8Array for a pointer`)
      })
      for (const [n, word] of words.entries()) arena.view.setBigUint64(context + 8 * n, word, true)
      program.run(context)
      const r0 = program.r0
      for (const { bytes, at } of lent) bytes.set(arena.u8.subarray(at, at + bytes.length))
      const bits = 8 * returns.size
      return returns.signed ? BigInt.asIntN(bits, r0) : BigInt.asUintN(bits, r0)
    } finally {
      for (const block of blocks) arena.free(block)
    }
  }
}
