import { BTF_KIND, type FieldKind, type SpecialField, specialFields } from '@skep/btf'
import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { KERNEL_BTF, type KernelTypes } from './kernel-btf.ts'
import { isAllocatedObject, PTR_TO_MAP_VALUE } from './reg-type.ts'
import { aux0, aux1, mapOf, typeOf } from './regs.ts'

/** Fields that no map value or local object had: a struct without one of them is no object that holds something. */
const NONE: readonly SpecialField[] = []

/** Special fields of a struct of a BTF that is not the kernel's (btf_find_struct_meta). */
export function structFields(env: Env, btf: number, id: number): readonly SpecialField[] {
  if (btf === KERNEL_BTF) return NONE
  const types = env.typesOf(btf)
  return types ? specialFields(types.btf, id) : NONE
}

/** Special fields of what a register points to: a map value or a local object (reg_btf_record). */
export function fieldsOf(env: Env, reg: number): readonly SpecialField[] {
  const type = typeOf(env, reg)
  if (type === PTR_TO_MAP_VALUE) return mapOf(env, reg).fields
  return isAllocatedObject(type) ? structFields(env, aux0(env, reg), aux1(env, reg)) : NONE
}

export const fieldOf = (env: Env, reg: number, ...kinds: readonly FieldKind[]): SpecialField | undefined =>
  fieldsOf(env, reg).find((f) => kinds.includes(f.kind))

/** What the locks, lists and objects of a register belong to: a map, or a BTF (negative). */
export const ownerOf = (env: Env, reg: number): number =>
  typeOf(env, reg) === PTR_TO_MAP_VALUE ? mapOf(env, reg).index + 1 : -aux0(env, reg)

const MAX_NESTING = 3

/** __btf_type_is_scalar_struct: is the struct made of numbers only? `notes` takes what the log says besides. */
export function isScalarStruct(types: KernelTypes, id: number, notes: string[], depth = 0): boolean {
  const { btf } = types
  const scalar = (type: number): boolean => btf.kind(type) === BTF_KIND.INT || btf.isEnum(type)
  if (!btf.isComposite(id)) return false
  for (const member of btf.members(id)) {
    const type = btf.resolve(member.type)
    if (btf.isComposite(type)) {
      if (depth >= MAX_NESTING) {
        notes.push('max struct nesting depth exceeded')
        return false
      }
      if (!isScalarStruct(types, type, notes, depth + 1)) return false
    } else if (btf.kind(type) === BTF_KIND.ARRAY) {
      const { element, count } = btf.array(type)
      if (count === 0 || !scalar(btf.resolve(element))) return false
    } else if (!scalar(type)) return false
  }
  return true
}

/** A pointer to a special field may have no variable part; `what` is what lies there. */
export function requireConstOffset(env: Env, regno: number, what: string): void {
  if (env.domain.isConst(env.reg(regno))) return
  failReg(regno, 'EINVAL', `R${regno} doesn't have constant offset. ${what} has to be at the constant offset`)
}
