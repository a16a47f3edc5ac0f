import { BTF_KIND, type BtfParam } from '@skep/btf'
import type { AttachTypeRules, TargetArgument } from '@skep/registry'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import type { KernelTypes } from './kernel-btf.ts'
import {
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TRUSTED,
  SCALAR_VALUE,
} from './reg-type.ts'

/** What a program attaches to: its arguments are the program's context. */
export interface AttachTarget {
  readonly name: string
  readonly params: readonly BtfParam[]
  /** Type of what it returns. */
  readonly result: number
  /** Parameters before those that programs see: `void *__data` of a tracepoint. */
  readonly hidden: number
  /** What the table of the attach type says of arguments, by number. */
  readonly known: Readonly<Record<number, TargetArgument>>
  /** What is known of arguments is all there is to say: the kernel prints nothing more. */
  readonly registered: boolean
  /** The names of the parameters are not known, so any pointer may be null. */
  readonly nullable: boolean
}

/** An argument as a register: SCALAR_VALUE or a kind of pointer, with the struct. */
export interface TargetAccess {
  readonly type: number
  readonly id: number
}

const MAX_BPF_FUNC_ARGS = 12
const TRACEPOINT = 'btf_trace_'
const ITERATOR = 'bpf_iter_'
const SCALAR: TargetAccess = { type: SCALAR_VALUE, id: 0 }

/** bpf_check_attach_target: what types the context of programs whose type says that the kernel's BTF does. */
export function findAttachTarget(env: Env): void {
  const { context } = env.type
  if (context.kind !== 'args' || !context.btf) return
  const { attachTo } = env.program.spec
  if (!attachTo) fail('EINVAL', 'Tracing programs must provide btf_id')
  const { kernel } = env
  if (!kernel) {
    fail(
      'EINVAL',
      `${attachTo} has no btf_id: programs of type ${env.type.name} need the kernel's BTF, which is not given`,
    )
  }
  const rules = env.attachType === undefined ? undefined : env.type.attachTypes?.[env.attachType]
  if (rules?.target === 'tracepoint') env.attachTarget = tracepoint(kernel, rules, attachTo)
  else if (rules?.target === 'iterator') env.attachTarget = iterator(kernel, rules, attachTo)
  else {
    const how = env.attachType ?? env.type.name
    fail('EINVAL', `${attachTo}: programs of attach type ${how} cannot be verified yet`)
  }
}

function tracepoint(kernel: KernelTypes, rules: AttachTypeRules, attachTo: string): AttachTarget {
  const { btf } = kernel
  const name = attachTo.startsWith(TRACEPOINT) ? attachTo.slice(TRACEPOINT.length) : attachTo
  const typedef = btf.findByName(BTF_KIND.TYPEDEF, `${TRACEPOINT}${name}`)
  if (typedef === undefined) fail('EINVAL', `${TRACEPOINT}${name} is not found in the kernel's BTF`)
  const proto = btf.target(btf.target(typedef))
  if (btf.kind(proto) !== BTF_KIND.FUNC_PROTO) fail('EINVAL', `${TRACEPOINT}${name} is no tracepoint`)
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
  }
}

function iterator(kernel: KernelTypes, rules: AttachTypeRules, attachTo: string): AttachTarget {
  const { btf } = kernel
  const name = attachTo.startsWith(ITERATOR) ? attachTo : `${ITERATOR}${attachTo}`
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
  }
}

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

/** btf_ctx_access: an argument of the target. Undefined when it may not be read so. */
export function readTargetArg(env: Env, off: number, size: number, write: boolean): TargetAccess | undefined {
  const { attachTarget: target, kernel } = env
  if (!target || !kernel || write || off < 0 || off >= 8 * MAX_BPF_FUNC_ARGS || off % size) return undefined
  const { btf } = kernel
  const refuse = (text: string): undefined => {
    env.log.print(`func '${target.name}' ${text}\n`)
  }
  if (off % 8) return refuse(`offset ${off} is not multiple of 8`)
  const index = argumentAt(kernel, target, off)
  const param = target.params[index + target.hidden]
  if (!param) return refuse(`doesn't have ${index + 1}-th argument`)
  const type = btf.resolve(param.type)
  if (
    (btf.kind(type) === BTF_KIND.INT && btf.size(type)! <= 8) ||
    btf.isEnum(type) ||
    btf.isComposite(type)
  ) {
    return SCALAR
  }
  if (btf.kind(type) !== BTF_KIND.PTR) {
    return refuse(
      `arg${index} '${kernel.name(type)}' has type ${btf.kindName(type).toUpperCase()}. Only pointer access is allowed`,
    )
  }
  if (size !== 8) return refuse(`size ${size} must be 8`)
  const known = target.known[index]
  const flags =
    (known?.nullable || target.nullable || param.name.endsWith('__nullable') ? PTR_MAYBE_NULL : 0) |
    (known?.readonly ? MEM_RDONLY : 0)
  if (known?.kind === 'buffer') return { type: PTR_TO_BUF | flags, id: 0 }
  const id = btf.resolve(btf.target(type))
  // Pointers to memory without structure are numbers.
  if (btf.kind(id) === BTF_KIND.VOID || btf.kind(id) === BTF_KIND.INT) return SCALAR
  if (!btf.isComposite(id)) {
    return refuse(`arg${index} type ${btf.kindName(id).toUpperCase()} is not a struct`)
  }
  if (!known || !target.registered) {
    const what = `btf_id ${id} type ${btf.kindName(id).toUpperCase()} '${kernel.name(id)}'`
    env.log.print(`func '${target.name}' arg${index} has ${what}\n`)
  }
  if (known?.kind === 'error') {
    env.log.print(`marking pointer arg${index} as scalar as it may encode error`)
    return SCALAR
  }
  const trust = known?.trusted === false ? 0 : PTR_TRUSTED
  return { type: PTR_TO_BTF_ID | flags | trust | kernel.tagFlags(type), id }
}
