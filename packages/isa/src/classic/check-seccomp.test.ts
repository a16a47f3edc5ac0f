import { describe, expect, it } from 'vitest'
import { assembleBpfAsm } from './bpf-asm.ts'
import { checkSeccomp } from './check-seccomp.ts'
import { ClassicError, type ClassicInsn } from './insn.ts'
import { type ClassicOpDef, classicDefs } from './table.ts'

const insn = ({ code }: { readonly code: number }, k = 0): ClassicInsn => ({ code, jt: 0, jf: 0, k })
const ret = insn(classicDefs.ret_a)

const taken = (def: ClassicOpDef): boolean => {
  try {
    // M[1] is there for what reads it; a 1 divides.
    checkSeccomp([insn(classicDefs.st, 1), insn(def, 'mode' in def && def.mode === 'abs' ? 4 : 1), ret, ret])
    return true
  } catch (error) {
    if (error instanceof ClassicError) return false
    throw error
  }
}

describe('checkSeccomp', () => {
  it('takes the instructions that the kernel lists, and no others', () => {
    const refused = Object.values(classicDefs).filter((def) => !taken(def))
    expect(refused.map(({ name }) => name)).toEqual(
      'ld_h_abs ld_b_abs ld_w_ind ld_h_ind ld_b_ind ldx_msh mod_k mod_x'.split(' '),
    )
  })

  it('takes a policy', () => {
    const policy = `
      ld [4]
      jne #0xc000003e, kill
      ld [0]
      jge #0x40000000, kill
      jeq #59, no
      ret #0x7fff0000
no:   ret #0x00050001
kill: ret #0x80000000`
    expect(() => checkSeccomp(assembleBpfAsm(policy))).not.toThrow()
  })

  it.each<[asm: string, code: string, at: number, reason: RegExp]>([
    ['ld [64]\nret a', 'SECCOMP_OFFSET', 0, /loads from 64, struct seccomp_data has 64 bytes/],
    ['ld [0]\nld [18]\nret a', 'SECCOMP_OFFSET', 1, /loads from 18, must be a multiple of 4/],
    ['ld #cpu\nret a', 'SECCOMP_OFFSET', 0, /extension cpu, and system calls have none/],
    ['ldh [0]\nret a', 'SECCOMP_OPCODE', 0, /loads 16 bits; load the 32 bits \(ld\) and mask them/],
    ['ld [x+4]\nret a', 'SECCOMP_OPCODE', 0, /loads from X \+ k/],
    ['ldx 4*([0]&0xf)\nret a', 'SECCOMP_OPCODE', 0, /there is no packet/],
    ['ld [0]\nmod #2\nret a', 'SECCOMP_OPCODE', 1, /remainder/],
    ['ld M[3]\nret a', 'UNINITIALIZED_MEMORY', 0, /M\[3\]/],
  ])('%j: %s', (asm, code, at, reason) => {
    const check = (): void => checkSeccomp(assembleBpfAsm(asm))
    expect(check).toThrow(ClassicError)
    expect(check).toThrow(reason)
    expect(check).toThrow(expect.objectContaining({ code, insn: at }))
  })
})
