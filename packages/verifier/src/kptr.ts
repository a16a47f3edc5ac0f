import type { Env } from './env.ts'
import { fail } from './errors.ts'
import type { SpecialField } from './fields.ts'
import { loadKptr, matchKptr } from './kernel-types.ts'
import { REG_AUX0, REG_ID } from './layout.ts'
import type { VerifierMap } from './maps.ts'
import { BPF_LDX, BPF_MEM, BPF_STX, classOf, modeOf } from './opcode.ts'
import { PTR_MAYBE_NULL, PTR_TO_MEM } from './reg-type.ts'
import { isNullScalar, markPointer } from './regs.ts'

/** check_map_kptr_access: a pointer that lies in a map value is loaded or stored. */
export function checkKptrAccess(env: Env, map: VerifierMap, field: SpecialField, valueReg: number): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  if (modeOf(code) !== BPF_MEM) {
    fail('EACCES', 'kptr in map can only be accessed using BPF_MEM instruction mode')
  }
  const klass = classOf(code)
  if (klass !== BPF_LDX && (field.kind === 'kptr_ref' || field.kind === 'kptr_percpu')) {
    fail('EACCES', 'store to referenced kptr disallowed')
  }
  if (klass !== BPF_LDX && field.kind === 'uptr') fail('EACCES', 'store to uptr disallowed')
  if (klass === BPF_LDX) {
    const value = env.reg(valueReg)
    if (field.kind === 'uptr') {
      markPointer(env, value, PTR_TO_MEM | PTR_MAYBE_NULL)
      env.heap.i32[(value + REG_AUX0) >> 2] = map.btf?.size(field.target!) ?? 0
      env.heap.i32[(value + REG_ID) >> 2] = ++env.idGen
      return
    }
    loadKptr(env, valueReg, map, field)
  } else if (klass === BPF_STX) {
    if (!isNullScalar(env, env.reg(valueReg))) matchKptr(env, valueReg, map, field)
  } else if (p.imm[insn] !== 0) {
    fail('EACCES', `BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`)
  }
}
