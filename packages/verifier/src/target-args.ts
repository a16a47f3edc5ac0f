import { BTF_KIND } from '@skep/btf'
import type { ReturnRange } from '@skep/registry'
import type { AttachTarget } from './attach-target.ts'
import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import type { KernelTypes } from './kernel-btf.ts'
import { hasReference } from './refs.ts'
import {
  MEM_PERCPU,
  MEM_RDONLY,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TRUSTED,
  SCALAR_VALUE,
} from './reg-type.ts'

/** An argument as a register: SCALAR_VALUE or a kind of pointer, with the struct. */
export interface TargetAccess {
  readonly type: number
  readonly id: number
  /** Of a number, where it is known. */
  readonly range?: ReturnRange | undefined
  /** The reference that the program holds to what it points to. */
  readonly ref?: number
}

const MAX_BPF_FUNC_ARGS = 12
const SCALAR: TargetAccess = { type: SCALAR_VALUE, id: 0 }

/** btf_ctx_arg_idx: the number of the argument at an offset. */
function argumentAt(kernel: KernelTypes, { params, result }: AttachTarget, off: number): number {
  let end = 0
  for (let i = 0; i < params.length; i++) {
    end += Math.ceil((kernel.btf.size(params[i]!.type) ?? 8) / 8) * 8
    if (off < end) return i
  }
  end += Math.ceil((kernel.btf.size(result) ?? 0) / 8) * 8
  return off < end ? params.length : params.length + 1
}

/** A type as the log names its kind. */
export const kindText = (kernel: KernelTypes, id: number): string =>
  kernel.btf.kind(id) === 0 ? 'UNKNOWN' : kernel.btf.kindName(id).toUpperCase()

export const isSmallInt = (kernel: KernelTypes, id: number): boolean =>
  kernel.btf.kind(id) === BTF_KIND.INT && kernel.btf.size(id)! <= 8

/** btf_ctx_access: an argument of the target, or why it may not be read so. */
export function readTargetArg(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
): TargetAccess {
  const invalid = `invalid bpf_context access off=${off} size=${size}`
  const { attachTarget: target, kernel } = env
  if (!target || !kernel || write || off < 0 || off >= 8 * MAX_BPF_FUNC_ARGS || off % size) {
    return failReg(regno, 'EACCES', invalid)
  }
  const { btf } = kernel
  const refuse = (text: string): never => failReg(regno, 'EACCES', `func '${target.name}' ${text}`, invalid)
  if (off % 8) return refuse(`offset ${off} is not multiple of 8`)
  const index = argumentAt(kernel, target, off)
  const count = target.params.length - target.hidden
  if (index > count || (index === count && !target.reads)) {
    return refuse(`doesn't have ${index + 1}-th argument`)
  }
  const param = index < count ? target.params[index + target.hidden] : undefined
  const type = btf.resolve(param ? param.type : target.result)
  if (!param && target.reads === 'int' && !isSmallInt(kernel, type)) {
    failReg(regno, 'EACCES', `ret type ${kindText(kernel, type)} not allowed for fmod_ret`, invalid)
  }
  if (isSmallInt(kernel, type) || btf.isEnum(type) || btf.isComposite(type)) {
    return param || !target.resultRange ? SCALAR : { ...SCALAR, range: target.resultRange }
  }
  if (btf.kind(type) !== BTF_KIND.PTR) {
    return refuse(
      `arg${index} '${kernel.name(type)}' has type ${kindText(kernel, type)}. Only pointer access is allowed`,
    )
  }
  if (size !== 8) return refuse(`size ${size} must be 8`)
  const ref = target.owned?.get(index)
  if (ref !== undefined && !hasReference(env.cur, ref)) {
    failReg(
      regno,
      'EACCES',
      `invalid bpf_context access off=${off}. Reference may already be released`,
      invalid,
    )
  }
  const access = pointerArg(env, kernel, target, index, type, param?.name ?? '', refuse)
  return ref === undefined ? access : { ...access, ref }
}

/** The part of btf_ctx_access that is about pointers. */
function pointerArg(
  env: Env,
  kernel: KernelTypes,
  target: AttachTarget,
  index: number,
  type: number,
  name: string,
  refuse: (text: string) => never,
): TargetAccess {
  const { btf } = kernel
  const known = target.known[index]
  const registered = known !== undefined && target.registered
  const flags =
    (known?.nullable || target.nullable || (!registered && name.endsWith('__nullable'))
      ? PTR_MAYBE_NULL
      : 0) | (known?.readonly ? MEM_RDONLY : 0)
  if (known?.kind === 'buffer') return { type: PTR_TO_BUF | flags, id: 0 }
  const given = known?.struct ? kernel.struct(known.struct) : 0
  const id = given || btf.resolve(btf.target(type))
  // Pointers to memory without structure are numbers.
  if (btf.kind(id) === BTF_KIND.VOID || btf.kind(id) === BTF_KIND.INT) return SCALAR
  if (!btf.isComposite(id)) return refuse(`arg${index} type ${kindText(kernel, id)} is not a struct`)
  if (!registered) {
    env.log.print(
      `func '${target.name}' arg${index} has btf_id ${id} type ${kindText(kernel, id)} '${kernel.name(id)}'\n`,
    )
  }
  if (known?.kind === 'error') {
    env.log.print(`marking pointer arg${index} as scalar as it may encode error`)
    return SCALAR
  }
  const trust = target.trusted && known?.trusted !== false ? PTR_TRUSTED : 0
  const tags = registered ? 0 : kernel.tagFlags(type) & (MEM_USER | MEM_PERCPU)
  const promoted = (flags | tags) === 0 ? target.promotes?.get(id) : undefined
  return { type: PTR_TO_BTF_ID | flags | trust | tags, id: promoted ?? id }
}
