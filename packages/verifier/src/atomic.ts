import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { BPF_ADD, BPF_AND, BPF_OR, BPF_XOR } from './layout.ts'
import { checkMemAccess } from './memory-access.ts'
import {
  BPF_CMPXCHG,
  BPF_DW,
  BPF_FETCH,
  BPF_LOAD_ACQ,
  BPF_STORE_REL,
  BPF_W,
  BPF_XCHG,
  sizeBytes,
  sizeOf,
} from './opcode.ts'
import { savePointerType } from './pointer-type.ts'
import {
  isPacketPointer,
  isSocketPointer,
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  typeName,
} from './reg-type.ts'
import { checkRead, checkWriteUnknown, isPointerValue, typeOf } from './regs.ts'
import { checkLoad, checkStore } from './walk.ts'

/** atomic_ptr_type_ok */
const allowsAtomics = (type: number): boolean =>
  type !== PTR_TO_CTX && !isPacketPointer(type) && type !== PTR_TO_FLOW_KEYS && !isSocketPointer(type)

/** check_atomic */
export function checkAtomic(env: Env): void {
  const { program: p, insn } = env
  const imm = p.imm[insn]!
  switch (imm) {
    case BPF_ADD:
    case BPF_ADD | BPF_FETCH:
    case BPF_AND:
    case BPF_AND | BPF_FETCH:
    case BPF_OR:
    case BPF_OR | BPF_FETCH:
    case BPF_XOR:
    case BPF_XOR | BPF_FETCH:
    case BPF_XCHG:
    case BPF_CMPXCHG:
      readModifyWrite(env)
      break
    case BPF_LOAD_ACQ: {
      checkLoad(env, true, false, false)
      const src = p.src[insn]!
      const type = env.pointerType[insn]!
      if (!allowsAtomics(type)) {
        failReg(src, 'EACCES', `BPF_ATOMIC loads from R${src} ${typeName(type)} is not allowed`)
      }
      break
    }
    case BPF_STORE_REL:
      checkStore(env, true)
      refuseBadPointer(env)
      break
    default:
      fail('EINVAL', `BPF_ATOMIC uses invalid atomic opcode ${(imm >>> 0).toString(16).padStart(2, '0')}`)
  }
}

function refuseBadPointer(env: Env): void {
  const dst = env.program.dst[env.insn]!
  const type = typeOf(env, env.reg(dst))
  if (!allowsAtomics(type)) {
    failReg(dst, 'EACCES', `BPF_ATOMIC stores into R${dst} ${typeName(type)} is not allowed`)
  }
}

/** check_atomic_rmw */
function readModifyWrite(env: Env): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  const imm = p.imm[insn]!
  const dst = p.dst[insn]!
  const src = p.src[insn]!
  const off = p.off[insn]!
  const size = sizeBytes(code)
  if (sizeOf(code) !== BPF_W && sizeOf(code) !== BPF_DW) fail('EINVAL', 'invalid atomic operand size')
  checkRead(env, src)
  checkRead(env, dst)
  if (imm === BPF_CMPXCHG) {
    checkRead(env, 0)
    if (isPointerValue(env, env.reg(0))) failReg(0, 'EACCES', 'R0 leaks addr into mem')
  }
  if (isPointerValue(env, env.reg(src))) failReg(src, 'EACCES', `R${src} leaks addr into mem`)
  refuseBadPointer(env)
  let loaded = -1
  if (imm & BPF_FETCH) {
    loaded = imm === BPF_CMPXCHG ? 0 : src
    checkWriteUnknown(env, loaded)
  }
  checkMemAccess(env, dst, off, size, false, -1, true)
  if (loaded >= 0) checkMemAccess(env, dst, off, size, false, loaded, true)
  const type = typeOf(env, env.reg(dst))
  if (type === PTR_TO_ARENA) savePointerType(env, type, false)
  else env.facts.noteAccess(insn, type)
  checkMemAccess(env, dst, off, size, true, -1, true)
}
