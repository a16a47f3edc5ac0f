import { BTF_KIND, type BtfParam } from '@skep/btf'
import {
  type AttachTypeRules,
  attachTypeName,
  type ProgramSpec,
  type ProgramTypeDef,
  type ReturnRange,
  type StructWrites,
  type TargetArgument,
} from '@skep/registry'
import { functionTarget } from './attach-function.ts'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import type { KernelTypes } from './kernel-btf.ts'
import { structOpsTarget } from './struct-ops.ts'

/** What a program of a target may return, where the tables of its type do not say it. */
export type TargetReturn =
  /** Nothing is asked of r0. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'anything' }
  /** Bounds of the low 32 bits, or of all. */
  | { readonly kind: 'range'; readonly range: ReturnRange; readonly half: boolean; readonly note?: string }
  /** Null, or an object that the program owns. */
  | { readonly kind: 'object'; readonly struct: number }

/** What a program attaches to: its arguments are the program's context. */
export interface AttachTarget {
  readonly name: string
  readonly params: readonly BtfParam[]
  /** Type of what it returns. */
  readonly result: number
  /** What may be read behind the arguments. */
  readonly reads?: 'any' | 'int' | undefined
  /** What is read there lies in this range. */
  readonly resultRange?: ReturnRange | undefined
  readonly returns?: TargetReturn | undefined
  /** Parameters before those that programs see: `void *__data` of a tracepoint. */
  readonly hidden: number
  /** What is known of arguments beyond their types, by number. */
  readonly known: Readonly<Record<number, TargetArgument>>
  /** What is known of arguments is all there is to say: the kernel prints nothing more. */
  readonly registered: boolean
  /** The names of the parameters are not known, so any pointer may be null. */
  readonly nullable: boolean
  readonly trusted: boolean
  /** Structs that pointers are given as, by the struct that they are declared with. */
  readonly promotes?: ReadonlyMap<number, number>
  readonly writes?: readonly StructWrites[] | undefined
  /** Arguments that the program owns when it starts, by number: the ids of their references. */
  readonly owned?: Map<number, number>
}

/** The program with the whole name of what it attaches to: `bpf_iter_task` for the iterator `task`. */
export function withFullTarget(program: ProgramSpec, type: ProgramTypeDef): ProgramSpec {
  const attachType = attachTypeName(type, program.attachType)
  const prefix = attachType ? type.attachTypes?.[attachType]?.targetPrefix : undefined
  const { attachTo } = program
  if (!prefix || !attachTo || attachTo.startsWith(prefix)) return program
  return { ...program, attachTo: prefix + attachTo }
}

/** check_attach_btf_id: what types the context of programs whose type says that the kernel's BTF does. */
export function findAttachTarget(env: Env): void {
  const { context } = env.type
  if (context.kind !== 'args' || !context.btf) return
  const { attachTo } = env.program.spec
  if (env.type.structOps && !env.privileges.gplCompatible) {
    fail('EINVAL', 'struct ops programs must have a GPL compatible license')
  }
  if (!attachTo) {
    if (!env.type.structOps) fail('EINVAL', 'Tracing programs must provide btf_id')
    fail('ENOTSUPP', 'struct_ops programs must say which struct:member they implement')
  }
  const { kernel } = env
  if (!kernel) {
    fail(
      'EINVAL',
      `${attachTo} has no btf_id: programs of type ${env.type.name} need the kernel's BTF, which is not given`,
    )
  }
  if (env.type.structOps) {
    env.attachTarget = structOpsTarget(env, kernel, attachTo)
    return
  }
  const rules = env.attachType === undefined ? undefined : env.type.attachTypes?.[env.attachType]
  switch (rules?.target) {
    case 'tracepoint':
      env.attachTarget = tracepoint(kernel, rules, attachTo)
      break
    case 'iterator':
      env.attachTarget = iterator(kernel, rules, attachTo)
      break
    case 'function':
      env.attachTarget = functionTarget(env, kernel, rules, attachTo)
      break
    default:
      fail(
        'EINVAL',
        `Cannot replace kernel functions: the program that ${attachTo} is a function of is not known here`,
      )
  }
}

function tracepoint(kernel: KernelTypes, rules: AttachTypeRules, attachTo: string): AttachTarget {
  const { btf } = kernel
  const name = attachTo.slice(rules.targetPrefix?.length ?? 0)
  const typedef = btf.findByName(BTF_KIND.TYPEDEF, attachTo)
  if (typedef === undefined) fail('EINVAL', `${attachTo} is not found in the kernel's BTF`)
  const proto = btf.target(btf.target(typedef))
  if (btf.kind(proto) !== BTF_KIND.FUNC_PROTO) fail('EINVAL', `${attachTo} is no tracepoint`)
  const types = btf.params(proto)
  // The typedef has no names of parameters, the function that calls the programs has.
  const caller = btf.findByName(BTF_KIND.FUNC, `__traceiter_${name}`)
  const params = caller === undefined ? [] : btf.params(btf.target(caller))
  const named = params.length === types.length && params.every((p, i) => p.type === types[i]!.type)
  return {
    name,
    params: named ? params : types,
    result: btf.target(proto),
    hidden: 1,
    known: rules.targetArgs?.[name] ?? {},
    registered: false,
    nullable: !named,
    trusted: true,
  }
}

function iterator(kernel: KernelTypes, rules: AttachTypeRules, name: string): AttachTarget {
  const { btf } = kernel
  const known = rules.targetArgs?.[name]
  const func = known && btf.findByName(BTF_KIND.FUNC, name)
  if (!known || func === undefined) fail('EINVAL', `${name} is no iterator of the kernel`)
  const proto = btf.target(func)
  return {
    name,
    params: btf.params(proto),
    result: btf.target(proto),
    hidden: 0,
    known,
    registered: true,
    nullable: false,
    trusted: true,
  }
}
