import type { FieldKind, SpecialField } from '@skep/btf'
import type { Env } from '../env.ts'
import { failReg } from '../errors.ts'
import { fieldName } from '../fields.ts'
import { REG_AUX0, REG_AUX1, REG_OFF, REG_REF_OBJ_ID, REG_TYPE } from '../layout.ts'
import { fieldOf, fieldsOf, ownerOf, requireConstOffset, structFields } from '../record.ts'
import { findLock } from '../refs.ts'
import { MEM_ALLOC, MEM_RCU, NON_OWN_REF, PTR_TO_BTF_ID, PTR_TO_MAP_VALUE } from '../reg-type.ts'
import { aux0, aux1, forEachReg, idOf, mapOf, markPointer, offOf, refOf, typeOf } from '../regs.ts'
import type { Frame } from '../state.ts'
import { REF_TYPE_LOCK_MASK } from '../state.ts'
import type { KfuncMeta } from './meta.ts'
import { kfuncDefAt } from './prototype.ts'

// Lists and trees of local objects: a bpf_list_head or bpf_rb_root in a map value or an object, nodes in objects. What
// inserts an object takes the reference to it; what looks at one gives a pointer that lives as long as the lock is held.

/** The BTF of the structs that a field's owner names. */
const btfOf = (env: Env, reg: number): number => {
  if (typeOf(env, reg) !== PTR_TO_MAP_VALUE) return aux0(env, reg)
  const { btf } = mapOf(env, reg)
  return btf ? env.btfNumber(btf) : 0
}

/** __process_kf_arg_ptr_to_graph_root */
export function checkGraphRootArg(env: Env, regno: number, kind: FieldKind, meta: KfuncMeta): void {
  const reg = env.reg(regno)
  const name = fieldName(kind)
  requireConstOffset(env, regno, name)
  const at = offOf(env, reg) + env.domain.constLo(reg)
  const field = fieldsOf(env, reg).find((f) => f.kind === kind && f.offset === at)
  if (!field) failReg(regno, 'EINVAL', `${name} not found at offset=${at >>> 0}`)
  const { cur } = env
  const held = cur.activeLocks > 0 && findLock(cur, REF_TYPE_LOCK_MASK, idOf(env, reg), ownerOf(env, reg))
  if (!held) {
    const lines = cur.activeLocks > 0 ? ['held lock and object are not in the same allocation'] : []
    const lock = fieldOf(env, reg, 'bpf_spin_lock')?.offset ?? -22
    failReg(regno, 'EINVAL', ...lines, `bpf_spin_lock at off=${lock} must be held for ${name}`)
  }
  meta.root = field
  meta.rootBtf = btfOf(env, reg)
}

/** __process_kf_arg_ptr_to_graph_node */
export function checkGraphNodeArg(
  env: Env,
  regno: number,
  root: FieldKind,
  node: FieldKind,
  meta: KfuncMeta,
): void {
  const reg = env.reg(regno)
  const name = fieldName(node)
  requireConstOffset(env, regno, name)
  const at = offOf(env, reg) + env.domain.constLo(reg)
  if (!fieldsOf(env, reg).some((f) => f.kind === node && f.offset === at)) {
    failReg(regno, 'EINVAL', `${name} not found at offset=${at >>> 0}`)
  }
  const { root: field, rootBtf } = meta
  const expected = env.btfName(rootBtf, field?.target ?? 0)
  const wanted = field?.nodeOffset ?? 0
  if (aux0(env, reg) !== rootBtf || aux1(env, reg) !== field?.target) {
    failReg(
      regno,
      'EINVAL',
      `operation on ${fieldName(root)} expects arg#1 ${name} at offset=${wanted} in struct ${expected}, but arg is at offset=${at} in struct ${env.btfName(aux0(env, reg), aux1(env, reg))}`,
    )
  }
  meta.argBtf = aux0(env, reg)
  meta.argBtfId = aux1(env, reg)
  if (at !== wanted) {
    failReg(
      regno,
      'EINVAL',
      `arg#1 offset=${at}, but expected ${name} at offset=${wanted} in struct ${expected}`,
    )
  }
}

/** mark_reg_graph_node: a pointer to the node in an object that a list or tree holds. */
export function markGraphNode(env: Env, reg: number, root: SpecialField, btf: number): void {
  const { i32 } = env.heap
  markPointer(env, reg, PTR_TO_BTF_ID | MEM_ALLOC)
  i32[(reg + REG_AUX0) >> 2] = btf
  i32[(reg + REG_AUX1) >> 2] = root.target ?? 0
  i32[(reg + REG_OFF) >> 2] = root.nodeOffset ?? 0
}

/** ref_set_non_owning: the pointer is good while the lock is held. */
export function setNonOwning(env: Env, reg: number): void {
  const { i32 } = env.heap
  const counted = structFields(env, aux0(env, reg), aux1(env, reg)).some((f) => f.kind === 'bpf_refcount')
  i32[(reg + REG_TYPE) >> 2]! |= NON_OWN_REF | (counted ? MEM_RCU : 0)
}

/** ref_convert_owning_non_owning: the object belongs to the list or tree now. */
export function giveAway(env: Env, id: number): void {
  forEachReg(env, env.cur, (reg) => {
    if (refOf(env, reg) !== id) return
    env.heap.i32[(reg + REG_REF_OBJ_ID) >> 2] = 0
    setNonOwning(env, reg)
  })
}

/** in_rbtree_lock_required_cb: in the comparison that bpf_rbtree_add runs. */
export function inTreeCallback(env: Env): boolean {
  const { frame } = env.cur
  if (env.cur.curframe === 0 || !frame.inCallback) return false
  return kfuncDefAt(env, frame.callsite)?.verify?.graph?.root === 'bpf_rb_root'
}

/** set_rbtree_add_callback_state */
export function setTreeCallback(env: Env, caller: Frame, callee: Frame): void {
  const root = caller.reg(1)
  const at = offOf(env, root) + env.domain.constLo(root)
  const field = fieldsOf(env, root).find((f) => f.kind === 'bpf_rb_root' && f.offset === at)
  if (!field) failReg(1, 'EFAULT', 'verifier bug: a tree callback without a tree')
  for (const r of [1, 2]) {
    markGraphNode(env, callee.reg(r), field, btfOf(env, root))
    setNonOwning(env, callee.reg(r))
  }
}
