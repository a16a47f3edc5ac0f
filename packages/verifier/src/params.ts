import { BTF_KIND, type Btf } from '@skep/btf'
import type { Env, Subprog } from './env.ts'
import { fail } from './errors.ts'

/** What a global function takes, by its BTF (struct bpf_subprog_arg_info). */
export interface ParamType {
  readonly kind: 'anything' | 'ctx' | 'mem' | 'dynptr' | 'arena' | 'btf_id'
  readonly nullable?: boolean
  /** Read-only memory that is read with probes. */
  readonly untrusted?: boolean
  /** Bytes of `mem`. */
  readonly size?: number
  /** Kernel struct of `btf_id`, in the kernel's BTF. */
  readonly struct?: number
}

const KIND_NAMES: readonly string[] = [
  'UNKNOWN',
  'INT',
  'PTR',
  'ARRAY',
  'STRUCT',
  'UNION',
  'ENUM',
  'FWD',
  'TYPEDEF',
  'VOLATILE',
  'CONST',
  'RESTRICT',
  'FUNC',
  'FUNC_PROTO',
  'VAR',
  'DATASEC',
  'FLOAT',
  'DECL_TAG',
  'TYPE_TAG',
  'ENUM64',
]

const KERNEL_TWINS: Readonly<Record<string, string>> = {
  pt_regs: 'bpf_user_pt_regs_t',
  __sk_buff: 'sk_buff',
  xdp_md: 'xdp_buff',
}

/** btf_is_prog_ctx_type: a pointer to the context's struct, by its name. */
export function isContextPointer(env: Env, btf: Btf, pointer: number): boolean {
  const { name } = env.type.context
  const twin = KERNEL_TWINS[name]
  // bpf_user_pt_regs_t is a typedef, of whatever the architecture has.
  if (twin?.endsWith('_t') && btf.name(typedefOf(btf, btf.target(pointer))) === twin) return true
  const target = btf.resolve(btf.target(pointer))
  const struct = btf.name(target)
  return btf.isComposite(target) && struct !== '' && (struct === name || struct === twin)
}

/** The outermost typedef of a type, or what is no modifier. */
function typedefOf(btf: Btf, type: number): number {
  const end = btf.resolve(type)
  let at = type
  // Void is the end, and so are too many modifiers.
  while (at !== end && end !== 0 && btf.kind(at) !== BTF_KIND.TYPEDEF) at = btf.target(at)
  return at
}

/** btf_is_dynptr_ptr: the struct may be declared only. */
function isDynptrPointer(btf: Btf, pointer: number): boolean {
  const target = btf.resolve(btf.target(pointer))
  const forward = btf.kind(target) === BTF_KIND.FWD && !btf.flag(target)
  return (btf.isComposite(target) || forward) && btf.name(target) === 'bpf_dynptr'
}

const isInt = (btf: Btf, id: number): boolean => {
  const kind = btf.kind(id)
  return kind === BTF_KIND.INT || kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64
}

/** Tags of a parameter without `arg:`. */
function tagsOf(btf: Btf, subprog: Subprog, index: number): readonly string[] {
  return btf
    .declTags(subprog.typeId, index)
    .filter((tag) => tag.startsWith('arg:'))
    .map((tag) => tag.slice(4))
}

const KNOWN_TAGS: ReadonlySet<string> = new Set([
  'ctx',
  'trusted',
  'untrusted',
  'nonnull',
  'nullable',
  'arena',
])

/** btf_prepare_func_args of a global function: what it takes, or why it cannot be verified by itself. */
export function globalParams(env: Env, subprog: Subprog): readonly ParamType[] {
  if (subprog.params) return subprog.params
  const btf = env.btf
  if (!btf || !subprog.typeId) return fail('EFAULT', 'Global functions need valid BTF')
  const proto = btf.target(subprog.typeId)
  const params = btf.params(proto)
  if (params.length > 5) {
    fail('EINVAL', `Global function ${subprog.name}() with ${params.length} > 5 args. Buggy compiler.`)
  }
  if (!isInt(btf, btf.resolve(btf.target(proto)))) {
    fail('EINVAL', `Global function ${subprog.name}() doesn't return scalar. Only those are supported.`)
  }
  subprog.params = params.map((param, i) => paramType(env, btf, subprog, i, param.type))
  return subprog.params
}

/** The same of a static function; undefined where it takes more than numbers, the context and dynptrs. */
export function staticParams(env: Env, subprog: Subprog): readonly ParamType[] | undefined {
  const { btf } = env
  if (!btf || !subprog.typeId) return
  const proto = btf.target(subprog.typeId)
  if (!isInt(btf, btf.resolve(btf.target(proto)))) return
  const declared = btf.params(proto)
  if (declared.length > 5) return
  const params: ParamType[] = []
  for (const [i, { type }] of declared.entries()) {
    if (tagsOf(btf, subprog, i).length > 0) {
      fail('EOPNOTSUPP', `arg#${i} type tag is not supported in static functions`)
    }
    const t = btf.resolve(type)
    if (isInt(btf, t)) params.push({ kind: 'anything' })
    else if (btf.kind(t) !== BTF_KIND.PTR) return
    else if (isContextPointer(env, btf, t)) params.push({ kind: 'ctx' })
    else if (isDynptrPointer(btf, t)) params.push({ kind: 'dynptr' })
    else return
  }
  return params
}

/** btf_get_ptr_to_btf_id: the kernel's type of the same kind and name, whatever the flavour (`task_struct___old`). */
function kernelTwin(env: Env, btf: Btf, i: number, target: number): number {
  const kind = btf.kind(target)
  const name = btf.name(target)
  const what = `arg#${i} reference type('${KIND_NAMES[kind] ?? 'UNKNOWN'} ${name}')`
  if (!env.kernel) return fail('ENOENT', `${what} has no matches`)
  if (name === '') {
    return fail(
      'EINVAL',
      `arg#${i} reference type('${KIND_NAMES[kind]} (anon)') candidate matching error: -22`,
    )
  }
  const found = env.kernel.btf.findByName(kind, name.replace(/(?<=.)___[^_].*$/, ''))
  return found || fail('ENOENT', `${what} has no matches`)
}

function paramType(env: Env, btf: Btf, subprog: Subprog, i: number, type: number): ParamType {
  const tags = tagsOf(btf, subprog, i)
  if (tags.some((tag) => !KNOWN_TAGS.has(tag))) fail('EOPNOTSUPP', `arg#${i} has unsupported set of tags`)
  const t = btf.resolve(type)
  const has = (tag: string): boolean => tags.includes(tag)
  const only = (tag: string, line: string): void => {
    if (tags.some((other) => other !== tag)) fail('EINVAL', line)
  }
  const invalid = `arg#${i} has invalid combination of tags`
  if (btf.kind(t) !== BTF_KIND.PTR) {
    if (tags.length > 0) fail('EINVAL', `arg#${i} has pointer tag, but is not a pointer type`)
    if (isInt(btf, t)) return { kind: 'anything' }
    return fail(
      'EINVAL',
      `Arg#${i} type ${KIND_NAMES[btf.kind(t)] ?? 'UNKNOWN'} in ${subprog.name}() is not supported yet.`,
    )
  }
  if (has('ctx') || isContextPointer(env, btf, t)) {
    only('ctx', invalid)
    return { kind: 'ctx' }
  }
  if (isDynptrPointer(btf, t)) {
    if (tags.length > 0) fail('EINVAL', invalid)
    return { kind: 'dynptr' }
  }
  const target = btf.resolve(btf.target(t))
  if (has('trusted')) {
    if (has('nonnull')) fail('EINVAL', invalid)
    return { kind: 'btf_id', struct: kernelTwin(env, btf, i, target), nullable: has('nullable') }
  }
  if (has('untrusted')) {
    only('untrusted', `arg#${i} untrusted cannot be combined with any other tags`)
    if (btf.kind(target) === 0 || isInt(btf, target)) return { kind: 'mem', untrusted: true, size: 0 }
    const struct = kernelTwin(env, btf, i, target)
    if (!env.kernel?.btf.isComposite(struct)) {
      const kind = KIND_NAMES[env.kernel?.btf.kind(struct) ?? 0] ?? 'UNKNOWN'
      fail('EINVAL', `arg#${i} has type ${kind} '', but only struct or primitive types are allowed`)
    }
    return { kind: 'btf_id', struct, untrusted: true }
  }
  if (has('arena')) {
    only('arena', `arg#${i} arena cannot be combined with any other tags`)
    return { kind: 'arena' }
  }
  if (has('nullable')) fail('EINVAL', invalid)
  const size = btf.size(target)
  if (size === undefined) {
    const what = `${KIND_NAMES[btf.kind(target)] ?? 'UNKNOWN'} ${btf.name(target)}`
    return fail('EINVAL', `arg#${i} reference type('${what}') size cannot be determined: -22`)
  }
  return { kind: 'mem', size, nullable: !has('nonnull') }
}
