import * as z from 'zod'
import type { ArgDesc, JsArgs } from './arg.ts'
import { parseDefinition } from './parse.ts'
import type { JsRet, RetDesc } from './ret.ts'
import type { HostEnv, WasmExport } from './wasm-module.ts'

/** KF_* flags of include/linux/btf.h, lower case without prefix. */
export type KfuncFlag =
  | 'acquire'
  | 'release'
  | 'ret_null'
  | 'trusted_args'
  | 'sleepable'
  | 'destructive'
  | 'rcu'
  | 'iter_new'
  | 'iter_next'
  | 'iter_destroy'
  | 'rcu_protected'
  | 'fastcall'

export interface KfuncDef<A extends readonly ArgDesc[] = readonly ArgDesc[], R extends RetDesc = RetDesc> {
  readonly name: string
  readonly args: A
  readonly returns: R
  readonly flags?: readonly KfuncFlag[]
  readonly programTypes?: 'all' | readonly string[]
  readonly call?: (this: HostEnv, ...args: JsArgs<A>) => JsRet<R>
  readonly wasm?: WasmExport
  readonly absent?: string
}

const shape = z
  .object({
    name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a C identifier'),
    args: z.array(z.object({ kind: z.string() }).loose()).max(5, 'at most 5 arguments: r1 to r5'),
    returns: z.object({ kind: z.string() }).loose(),
    flags: z.array(z.string()).optional(),
    programTypes: z.union([z.literal('all'), z.array(z.string())]).optional(),
    call: z.custom((f) => typeof f === 'function', 'a function').optional(),
    wasm: z.object({ export: z.string() }).loose().optional(),
    absent: z.string().optional(),
  })
  .strict()

/** Checks and freezes a kfunc. Throws DefinitionError with the path to the field. */
export function defineKfunc<const A extends readonly ArgDesc[], const R extends RetDesc>(
  definition: KfuncDef<A, R>,
): KfuncDef<A, R> {
  return parseDefinition('kfunc', shape, definition)
}
