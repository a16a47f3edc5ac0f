import { BTF_KIND, type BtfMember } from '@skep/btf'
import type { TargetArgument } from '@skep/registry'
import type { AttachTarget, TargetReturn } from './attach-target.ts'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import type { KernelTypes } from './kernel-btf.ts'

const VALUE = 'bpf_struct_ops_'
const NULLABLE = '__nullable'
const OWNED = '__ref'

/** check_struct_ops_btf_id: the function of a kernel struct that a program implements, by `struct:member`. */
export function structOpsTarget(env: Env, kernel: KernelTypes, attachTo: string): AttachTarget {
  const { btf } = kernel
  const [name = '', memberName] = attachTo.split(':')
  const struct = kernel.struct(name)
  if (!struct) fail('ENOTSUPP', `struct ${name} is not found in the kernel's BTF`)
  if (!isStructOps(kernel, name, struct)) {
    fail('ENOTSUPP', `attach_btf_id ${struct} is not a supported struct`)
  }
  const member = memberOf(env, kernel, name, struct, memberName)
  const pointer = btf.resolve(member.type)
  const proto = btf.kind(pointer) === BTF_KIND.PTR ? btf.resolve(btf.target(pointer)) : 0
  if (btf.kind(proto) !== BTF_KIND.FUNC_PROTO) {
    const at = btf.members(struct).findIndex((m) => m.bitOffset === member.bitOffset)
    fail('EINVAL', `attach to invalid member ${member.name}(@idx ${at}) of struct ${name}`)
  }
  const rules = env.type.structOps?.[name] ?? {}
  const unsupported = `attach to unsupported member ${member.name} of struct ${name}`
  if (rules.unsupported?.includes(member.name)) fail('ENOTSUPP', unsupported)
  if (env.privileges.sleepable && rules.sleepable && !rules.sleepable.includes(member.name)) {
    fail('EINVAL', unsupported)
  }
  const stub = stubArgs(kernel, name, member.name, proto)
  const { owned } = stub
  if (owned.size > 0 && env.subprogs.some((subprog) => subprog.hasTailCall)) {
    fail('EINVAL', 'program with __ref argument cannot tail call')
  }
  const result = btf.target(proto)
  const promotes = Object.entries(rules.promotes ?? {}).map(
    ([from, to]) => [kernel.struct(from), kernel.struct(to)] as const,
  )
  return {
    name: member.name,
    params: btf.params(proto),
    result,
    returns: returnsOf(kernel, result),
    hidden: 0,
    known: { ...stub.known, ...rules.args?.[member.name] },
    registered: true,
    nullable: false,
    trusted: true,
    promotes: new Map(promotes),
    writes: rules.writes,
    owned,
  }
}

/** Structs of which programs implement functions have a twin that holds them in a map: `bpf_struct_ops_NAME`. */
function isStructOps(kernel: KernelTypes, name: string, struct: number): boolean {
  const { btf } = kernel
  const value = kernel.struct(VALUE + name)
  return value !== 0 && btf.members(value).some((m) => m.name === 'data' && btf.resolve(m.type) === struct)
}

/** By name; or, as the kernel takes it, by the number that is the attach type. */
function memberOf(
  env: Env,
  kernel: KernelTypes,
  name: string,
  struct: number,
  member: string | undefined,
): BtfMember {
  const members = kernel.btf.members(struct)
  if (member !== undefined) {
    const found = members.find((m) => m.name === member)
    return found ?? fail('EINVAL', `attach to invalid member ${member} of struct ${name}`)
  }
  const index = env.program.spec.attachType ?? 0
  const found = typeof index === 'number' ? members[index] : undefined
  return found ?? fail('EINVAL', `attach to invalid member idx ${index} of struct ${name}`)
}

function returnsOf(kernel: KernelTypes, result: number): TargetReturn {
  const { btf } = kernel
  if (result === 0) return { kind: 'nothing' }
  const pointer = btf.resolve(result)
  if (btf.kind(pointer) !== BTF_KIND.PTR) return { kind: 'anything' }
  return { kind: 'object', struct: btf.resolve(btf.target(pointer)) }
}

/** prepare_arg_info: what the names of the stub's parameters say of arguments. */
function stubArgs(
  kernel: KernelTypes,
  name: string,
  member: string,
  proto: number,
): { readonly known: Readonly<Record<number, TargetArgument>>; readonly owned: Map<number, number> } {
  const { btf } = kernel
  const known: Record<number, TargetArgument> = {}
  const owned = new Map<number, number>()
  const stub = btf.findByName(BTF_KIND.FUNC, `${name}__${member}`)
  const params = stub === undefined ? [] : btf.params(btf.target(stub))
  if (params.length === btf.params(proto).length) {
    for (const [i, param] of params.entries()) {
      if (param.name.endsWith(NULLABLE)) known[i] = { nullable: true }
      else if (param.name.endsWith(OWNED)) {
        known[i] = {}
        owned.set(i, 0)
      }
    }
  }
  return { known, owned }
}
