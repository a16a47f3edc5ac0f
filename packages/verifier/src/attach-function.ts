import { BTF_KIND } from '@skep/btf'
import type { AttachTypeRules, TargetFunctions } from '@skep/registry'
import type { AttachTarget, TargetReturn } from './attach-target.ts'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import type { KernelTypes } from './kernel-btf.ts'
import { checkAddress } from './ksyms.ts'
import { kindText } from './target-args.ts'

const MAX_BPF_FUNC_ARGS = 12
/** Bytes of an argument that trampolines pass. */
const MAX_ARGUMENT = 16

/** A name of the list, or one that begins as an entry with `*` says. */
const listed = (list: readonly string[], name: string): boolean =>
  list.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name))

/** Functions of the kernel and its security hooks: bpf_check_attach_target and what check_attach_btf_id asks besides. */
export function functionTarget(
  env: Env,
  kernel: KernelTypes,
  rules: AttachTypeRules,
  name: string,
): AttachTarget {
  const { btf } = kernel
  const functions = rules.functions ?? {}
  const func = btf.findByName(BTF_KIND.FUNC, name)
  if (func === undefined) fail('EINVAL', `function ${name} is not found in the kernel's BTF`)
  const proto = btf.target(func)
  checkPrototype(kernel, name, proto)
  checkAddress(env, name)
  if (env.privileges.sleepable) {
    if (!listed(functions.sleepable ?? [], name)) fail('EINVAL', `${name} is not sleepable`)
  } else if (functions.only && !listed(functions.only, name)) fail('EINVAL', `${name}() is not modifiable`)
  if (env.type.gplOnly && !env.privileges.gplCompatible) {
    fail('EINVAL', 'LSM programs must have a GPL compatible license')
  }
  if (functions.denied?.includes(name)) {
    fail('EINVAL', `Attaching tracing programs to function '${name}' is rejected.`)
  }
  if (functions.neverReturn?.includes(name)) {
    fail('EINVAL', `Attaching fexit/fmod_ret to __noreturn function '${name}' is rejected.`)
  }
  if (functions.disabled?.includes(name)) {
    fail('EINVAL', `attach_btf_id ${func} points to disabled hook ${name}`)
  }
  if (functions.union && !isMember(kernel, functions.union, name.slice(rules.targetPrefix?.length ?? 0))) {
    fail('EINVAL', `attach_btf_id ${func} points to wrong type name ${name}`)
  }
  const result = btf.target(proto)
  return {
    name,
    params: btf.params(proto),
    result,
    reads: functions.result,
    resultRange: result ? rangeOf(functions, name) : undefined,
    returns: returnsOf(functions, name, result),
    hidden: 0,
    known: {},
    registered: false,
    nullable: false,
    trusted: functions.untrusted !== undefined && !functions.untrusted.includes(name),
  }
}

const rangeOf = (functions: TargetFunctions, name: string): TargetFunctions['returns'] =>
  functions.returnsOf?.[name] ?? functions.returns

function returnsOf(functions: TargetFunctions, name: string, result: number): TargetReturn | undefined {
  const range = rangeOf(functions, name)
  if (result !== 0) return range && { kind: 'range', range, half: true }
  const { returnsOfVoid, voidNote } = functions
  if (returnsOfVoid) {
    return { kind: 'range', range: returnsOfVoid, half: false, ...(voidNote ? { note: voidNote } : {}) }
  }
  return range && { kind: 'nothing' }
}

function isMember(kernel: KernelTypes, union: string, name: string): boolean {
  const { btf } = kernel
  const id = btf.findByName(BTF_KIND.UNION, union)
  return id === undefined || btf.members(id).some((member) => member.name === name)
}

/** Bytes of a value in registers; undefined for what is passed otherwise. */
function passedSize(kernel: KernelTypes, type: number): number | undefined {
  const { btf } = kernel
  const id = btf.resolve(type)
  if (type === 0) return 0
  if (btf.kind(id) === BTF_KIND.PTR) return 8
  return btf.kind(id) === BTF_KIND.INT || btf.isEnum(id) || btf.isComposite(id) ? btf.size(id) : undefined
}

/** btf_distill_func_proto: a trampoline can pass what the function takes and returns. */
export function checkPrototype(kernel: KernelTypes, name: string, proto: number): void {
  const { btf } = kernel
  const params = btf.params(proto)
  if (params.length > MAX_BPF_FUNC_ARGS) {
    fail('EINVAL', `The function ${name} has ${params.length} arguments. Too many.`)
  }
  const result = btf.target(proto)
  if (passedSize(kernel, result) === undefined || btf.isComposite(btf.resolve(result))) {
    fail(
      'EINVAL',
      `The function ${name} return type ${kindText(kernel, btf.resolve(result))} is unsupported.`,
    )
  }
  for (const [i, { type }] of params.entries()) {
    if (i === params.length - 1 && type === 0) {
      fail('EINVAL', `The function ${name} with variable args is unsupported.`)
    }
    const size = passedSize(kernel, type)
    if (size === undefined || size > MAX_ARGUMENT) {
      fail(
        'EINVAL',
        `The function ${name} arg${i} type ${kindText(kernel, btf.resolve(type))} is unsupported.`,
      )
    }
    if (size === 0) fail('EINVAL', `The function ${name} has malformed void argument.`)
  }
}
