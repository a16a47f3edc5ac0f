import type { Env } from './env.ts'
import { fail } from './errors.ts'
import {
  baseType,
  MEM_RDONLY,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
} from './reg-type.ts'

// Accesses through these are rewritten, so one instruction must not mix them with others.
const CONVERTED: ReadonlySet<number> = new Set([
  PTR_TO_CTX,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TO_BTF_ID,
  PTR_TO_ARENA,
])

const isMemOrBtf = (type: number): boolean =>
  baseType(type) === PTR_TO_MEM || baseType(type) === PTR_TO_BTF_ID

/** save_aux_ptr_type: the kind of pointer that this instruction uses must suit the other paths. */
export function savePointerType(env: Env, type: number, allowTrustMismatch: boolean): void {
  const { insn, pointerType } = env
  env.facts.noteAccess(insn, type)
  const previous = pointerType[insn]!
  if (previous === NOT_INIT) {
    pointerType[insn] = type
    return
  }
  if (type === previous) return
  if (!CONVERTED.has(baseType(type)) && !CONVERTED.has(baseType(previous))) return
  if (!allowTrustMismatch || !isMemOrBtf(type) || !isMemOrBtf(previous)) {
    fail('EINVAL', 'same insn cannot be used with different pointers')
  }
  const mem = baseType(type) === PTR_TO_MEM || baseType(previous) === PTR_TO_MEM
  pointerType[insn] = (mem ? PTR_TO_MEM : PTR_TO_BTF_ID) | ((type | previous) & (PTR_UNTRUSTED | MEM_RDONLY))
}
