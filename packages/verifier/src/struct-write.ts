import type { StructWrites } from '@skep/registry'
import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import type { KernelTypes } from './kernel-btf.ts'

interface Extent {
  readonly offset: number
  readonly size: number
}

/** Where a member is, by its path: `snd_cwnd`, `scx.slice`, or `sock.sk_pacing_rate` of a struct that begins this one. */
function extentOf(kernel: KernelTypes, struct: number, path: string): Extent | undefined {
  const { btf } = kernel
  const names = path.split('.')
  let type = struct
  let offset = 0
  for (const [i, name] of names.entries()) {
    const [own = '', holds] = name.split(':')
    const member = btf.isComposite(type) ? memberOf(kernel, type, own) : undefined
    if (member) {
      offset += member.offset
      type = holds ? kernel.struct(holds) : btf.resolve(member.type)
    } else if (i === 0) {
      type = kernel.struct(name)
      if (!type) return undefined
    } else return undefined
  }
  const size = btf.size(type)
  return size === undefined ? undefined : { offset, size }
}

/** A member by name, through members without names. */
function memberOf(
  kernel: KernelTypes,
  struct: number,
  name: string,
): { readonly offset: number; readonly type: number } | undefined {
  const { btf } = kernel
  for (const member of btf.members(struct)) {
    const offset = member.bitOffset >> 3
    if (member.name === name) return { offset, type: member.type }
    const inner = btf.resolve(member.type)
    if (member.name !== '' || !btf.isComposite(inner)) continue
    const found = memberOf(kernel, inner, name)
    if (found) return { offset: offset + found.offset, type: found.type }
  }
  return undefined
}

/** btf_struct_access of the program's type: may it store to a struct of the kernel there? */
export function checkStructWrite(
  env: Env,
  kernel: KernelTypes,
  regno: number,
  struct: number,
  off: number,
  size: number,
): void {
  const all = env.attachTarget?.writes ?? env.type.structWrites ?? []
  const rules = all.find((rule) =>
    [rule.struct, ...(rule.also ?? [])].some((name) => kernel.struct(name) === struct),
  )
  if (!rules) {
    const whole = all.find((rule) => !rule.fields)
    failReg(regno, 'EACCES', whole ? `only access to ${whole.struct} is supported` : 'only read is supported')
  }
  checkFields(kernel, rules, regno, struct, off, size)
}

function checkFields(
  kernel: KernelTypes,
  rules: StructWrites,
  regno: number,
  struct: number,
  off: number,
  size: number,
): void {
  const { fields } = rules
  const where = `write access at off ${off} with size ${size}`
  if (!fields) {
    if (off + size > kernel.btf.size(struct)!) failReg(regno, 'EACCES', where)
    return
  }
  for (const path of fields) {
    const extent = extentOf(kernel, struct, path)
    if (!extent) continue
    const end = extent.offset + extent.size
    const inside = rules.inside?.includes(path) && off > extent.offset && off < end
    if (off !== extent.offset && !inside) continue
    if (off + size > end) {
      failReg(regno, 'EACCES', `${where} beyond the member of ${rules.struct} ended at ${end}`)
    }
    return
  }
  failReg(regno, 'EACCES', `no write support to ${rules.struct} at off ${off}`)
}
