import type { CallbackKind } from '@skep/registry'
import { DYNPTR_LOCAL, markDynptr } from './dynptr.ts'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { isAsync } from './helper-lookup.ts'
import { kernelStruct } from './kernel-types.ts'
import { setTreeCallback } from './kfunc/graph.ts'
import { REG_AUX0, REG_AUX1 } from './layout.ts'
import type { VerifierMap } from './maps.ts'
import { pushAsyncCallback, pushState } from './pending.ts'
import { CONST_PTR_TO_MAP, PTR_TO_BTF_ID, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE } from './reg-type.ts'
import { mapOf, markNotInit, markPointer, markUnknown } from './regs.ts'
import type { Frame } from './state.ts'
import { noteStaticArgs, setupFrame } from './subprog-calls.ts'

function setMapElement(env: Env, callee: Frame, map: VerifierMap): void {
  markPointer(env, callee.reg(2), PTR_TO_MAP_KEY)
  env.setMap(callee.reg(2), map, 0)
  markPointer(env, callee.reg(3), PTR_TO_MAP_VALUE)
  env.setMap(callee.reg(3), map, 0)
}

/** A callback that gets the map, key and value that something belongs to. */
function mapOwnerCallback(owner: number): CallbackSetup {
  return (env, caller, callee) => {
    const map = mapOf(env, caller.reg(owner))
    markPointer(env, callee.reg(1), CONST_PTR_TO_MAP)
    env.setMap(callee.reg(1), map, 0)
    setMapElement(env, callee, map)
    clearFrom(env, callee, 4)
    callee.inAsyncCallback = true
  }
}

function clearFrom(env: Env, callee: Frame, first: number): void {
  for (let r = first; r <= 5; r++) markNotInit(env, callee.reg(r))
}

type CallbackSetup = (env: Env, caller: Frame, callee: Frame, map: VerifierMap | undefined) => void

/** Registers that each kind of callback begins with, and what it may return. */
const SETUP: Readonly<Record<CallbackKind, CallbackSetup>> = {
  for_each_map_elem: (env, caller, callee, map) => {
    if (!map?.def?.verify?.forEach) fail('ENOTSUPP', 'callback function not allowed for map')
    env.heap.copyReg(callee.reg(1), caller.reg(1))
    setMapElement(env, callee, map)
    env.heap.copyReg(callee.reg(4), caller.reg(3))
    clearFrom(env, callee, 5)
    returns(callee, 0, 1)
  },
  loop: (env, caller, callee) => {
    markUnknown(env, callee.reg(1))
    env.heap.copyReg(callee.reg(2), caller.reg(3))
    clearFrom(env, callee, 3)
    returns(callee, 0, 1)
  },
  timer: (env, caller, callee, map) => {
    mapOwnerCallback(1)(env, caller, callee, map)
    callee.returnMin = 0
    callee.returnMax = 0
  },
  workqueue: (env, caller, callee, map) => {
    mapOwnerCallback(1)(env, caller, callee, map)
    callee.returnMin = 0
    callee.returnMax = 0
  },
  task_work: (env, caller, callee, map) => {
    mapOwnerCallback(3)(env, caller, callee, map)
    callee.returnMin = -0x80000000
    callee.returnMax = 0x7fffffff
  },
  find_vma: (env, caller, callee) => {
    env.heap.copyReg(callee.reg(1), caller.reg(1))
    markPointer(env, callee.reg(2), PTR_TO_BTF_ID)
    const { btf, id } = kernelStruct(env, 'vm_area_struct')
    env.heap.i32[(callee.reg(2) + REG_AUX0) >> 2] = btf
    env.heap.i32[(callee.reg(2) + REG_AUX1) >> 2] = id
    env.heap.copyReg(callee.reg(3), caller.reg(4))
    clearFrom(env, callee, 4)
    returns(callee, 0, 1)
  },
  user_ringbuf_drain: (env, caller, callee) => {
    markNotInit(env, callee.reg(0))
    markDynptr(env, callee.reg(1), DYNPTR_LOCAL, true, ++env.idGen)
    env.heap.copyReg(callee.reg(2), caller.reg(3))
    clearFrom(env, callee, 3)
    returns(callee, 0, 1)
  },
  rbtree_add: (env, caller, callee) => {
    setTreeCallback(env, caller, callee)
    clearFrom(env, callee, 3)
    returns(callee, 0, 1)
  },
  exception: () => undefined,
}

function returns(callee: Frame, min: number, max: number): void {
  callee.inCallback = true
  callee.returnMin = min
  callee.returnMax = max
}

/** push_callback_call: the callback is walked as a path of its own; the call itself goes on as if it had not run. */
export function pushCallback(
  env: Env,
  kind: CallbackKind,
  subprog: number,
  map: VerifierMap | undefined,
): void {
  const { insn } = env
  const info = env.subprogs[subprog]!
  const caller = env.cur.frame
  noteStaticArgs(env, info)
  info.isCallback = true
  env.facts.callback[insn] = info.start
  if (isAsync(kind)) {
    info.isAsyncCallback = true
    const state = pushAsyncCallback(env, info.start, insn, subprog, kind !== 'timer')
    const callee = state.frames[0]!
    callee.asyncEntries = caller.asyncEntries + 1
    SETUP[kind](env, caller, callee, map)
    return
  }
  const state = pushState(env, info.start, insn, false, 'ENOMEM')
  setupFrame(env, state, subprog, insn)
  SETUP[kind](env, state.frames[state.curframe - 1]!, state.frame, map)
  state.callbackUnrollDepth++
  state.frames[state.curframe - 1]!.callbackDepth++
  caller.callbackDepth = 0
}
