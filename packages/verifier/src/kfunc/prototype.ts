import { BTF_KIND } from '@skep/btf'
import type { KfuncDef, KfuncFlag } from '@skep/registry'
import type { Env } from '../env.ts'
import type { KernelTypes } from '../kernel-btf.ts'

export interface KfuncParam {
  readonly name: string
  /** Type ids, modifiers skipped: of the parameter, and of what it points to. */
  readonly type: number
  readonly target: number
  readonly pointer: boolean
  readonly scalar: boolean
}

/** A kernel function that programs may call: how the platform describes it, and how the kernel's BTF declares it. */
export interface Kfunc {
  readonly def: KfuncDef
  readonly name: string
  /** BTF id of the function. */
  readonly id: number
  readonly params: readonly KfuncParam[]
  /** Type id of the result, modifiers skipped. */
  readonly result: number
}

const prototypes = new WeakMap<KernelTypes, Map<string, Kfunc | undefined>>()

/** The prototype of a kernel function; undefined when this kernel has none of that name. */
export function prototypeOf(kernel: KernelTypes, def: KfuncDef): Kfunc | undefined {
  let known = prototypes.get(kernel)
  if (!known) {
    known = new Map()
    prototypes.set(kernel, known)
  }
  if (!known.has(def.name)) known.set(def.name, read(kernel, def))
  return known.get(def.name)
}

function read(kernel: KernelTypes, def: KfuncDef): Kfunc | undefined {
  const { btf } = kernel
  const id = btf.findByName(BTF_KIND.FUNC, def.name)
  if (id === undefined) return undefined
  const proto = btf.target(id)
  if (btf.kind(proto) !== BTF_KIND.FUNC_PROTO) return undefined
  const params = btf.params(proto).map(({ name, type: declared }) => {
    const type = btf.resolve(declared)
    const pointer = btf.kind(type) === BTF_KIND.PTR
    return {
      name,
      type,
      pointer,
      target: pointer ? btf.resolve(btf.target(type)) : 0,
      scalar: isScalar(kernel, type),
    }
  })
  return { def, name: def.name, id, params, result: btf.resolve(btf.target(proto)) }
}

/** btf_type_is_scalar */
export const isScalar = ({ btf }: KernelTypes, id: number): boolean =>
  btf.kind(id) === BTF_KIND.INT || btf.isEnum(id)

/** The kernel function that an instruction calls, when this program may call it (fetch_kfunc_meta). */
export function kfuncAt(env: Env, insn: number): Kfunc | undefined {
  const def = kfuncDefAt(env, insn)
  return def && isAllowed(env, def) ? prototypeOf(env.kfuncTypes, def) : undefined
}

/** The description of the kernel function that an instruction calls, where the platform knows it. */
export function kfuncDefAt(env: Env, insn: number): KfuncDef | undefined {
  const reference = env.program.references.get(insn)
  return reference?.kind === 'kfunc' ? env.platform.kfuncs.byName(reference.name) : undefined
}

/** What an instruction calls of the kernel's functions, for the log: its name, and its id in the BTF of a kernel that is given. */
export function kernelFunctionAt(
  env: Env,
  insn: number,
): { readonly name: string; readonly id: number } | undefined {
  const reference = env.program.references.get(insn)
  if (reference?.kind !== 'kfunc') return undefined
  const id = env.kernel ? env.kernel.btf.findByName(BTF_KIND.FUNC, reference.name) : 0
  return id === undefined ? undefined : { name: reference.name, id }
}

/** btf_kfunc_is_allowed */
export function isAllowed(env: Env, def: KfuncDef): boolean {
  const { programTypes } = def
  const type = env.type.name
  if (programTypes !== 'all' && !programTypes?.includes(type)) return false
  const attachTypes = def.attachTypes?.[type]
  return attachTypes === undefined || attachTypes.includes(env.attachType ?? '')
}

export const hasFlag = (kfunc: Kfunc, flag: KfuncFlag): boolean => kfunc.def.flags?.includes(flag) ?? false

/** Does the parameter's name end so? (btf_param_match_suffix) */
export const hasSuffix = (param: KfuncParam | undefined, suffix: string): boolean =>
  param?.name.endsWith(suffix) ?? false

export const isNullableParam = (param: KfuncParam): boolean =>
  hasSuffix(param, '__nullable') || hasSuffix(param, '__opt')
