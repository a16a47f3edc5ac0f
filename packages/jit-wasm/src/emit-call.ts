import type { Insn } from '@skep/isa'
import { control, type LinkedArray, type LinkedMap, mapLayout, programLayout } from '@skep/registry'
import { type CallPlan, helperNeeds, mapOpShapes, NEED } from './calls.ts'
import { MAX_OPERANDS } from './effects.ts'
import { emitLowered } from './emit-lower.ts'
import type { Emitter } from './emitter.ts'

/** Calls of helpers, subprograms and map operations, and tail calls. */
export function emitCall(e: Emitter, slot: number, _insn: Insn): void {
  const plan = e.values.plan(slot)
  switch (plan.kind) {
    case 'array_lookup':
      if (plan.array.data !== undefined && plan.array.slots) emitSlotLookup(e, slot, plan.array, plan)
      else emitArrayLookup(e, slot, plan)
      return
    case 'map_op':
      if (!plan.lower) emitMapOp(e, slot, plan)
      else {
        // Its arguments are the operation's: r2 is the first, but r1 where only the run knows the map.
        const first = plan.map.address === undefined ? 0 : 1
        emitLowered(e, slot, { lower: plan.lower, first, repeats: true }, () => {
          pushMapOp(e, slot, plan, true)
          e.code.i64_extend_i32_u()
        })
      }
      return
    case 'helper':
      emitArguments(e, slot, helperNeeds(plan.helper.def))
      e.code.call(e.env.importOf(plan.helper.fn))
      e.set64(slot)
      return
    case 'lowered':
      emitLowered(e, slot, { ...plan, first: 0 }, () => {
        emitArguments(e, slot, plan.needs, plan.repeats)
        e.code.call(e.env.importOf(plan.helper.fn))
      })
      return
    case 'local':
      emitLocalCall(e, slot, plan.target)
      return
    case 'tail_call':
      emitTailCall(e, slot, plan.map)
      return
    case 'by_register':
      emitCallByRegister(e, slot)
      return
  }
}

/** Pushes r1 to r5 as five i64, with 0 for those that the helper does not take. */
function emitArguments(e: Emitter, slot: number, needs: readonly number[], again = false): void {
  for (let n = 0; n < 5; n++) {
    if ((needs[n] ?? NEED.none) === NEED.none) e.code.i64_const(0)
    else e.push64(slot, n, again)
  }
}

type ArrayLookup = Extract<CallPlan, { kind: 'array_lookup' }>

/** Pushes the index, and keeps it. */
function pushIndex(e: Emitter, slot: number, { key }: Pick<ArrayLookup, 'key'>): number {
  const index = e.scratch('index', 'i32')
  if (key !== undefined) e.push32(slot, 1)
  else e.code.i32_load(e.pushAddress(slot, 1, 0))
  e.code.local_tee(index)
  return index
}

/** The address of an element is a sum; an index past the end gives 0. */
function emitArrayLookup(e: Emitter, slot: number, plan: ArrayLookup): void {
  const { code } = e
  const { array } = plan
  const map = array.data === undefined ? e.scratch('map', 'i32') : -1
  if (map >= 0) {
    e.push32(slot, 0)
    code.local_set(map)
  }
  const index = pushIndex(e, slot, plan)
  if (array.stride !== 1) code.i32_const(array.stride).i32_mul()
  if (array.data === undefined) code.local_get(map).i32_load(mapLayout.MAP_DATA).i32_add()
  else code.i32_const(array.data).i32_add()
  if (array.data === undefined ? array.perCpu : array.area !== undefined) {
    code.i32_load(e.pushControl(control.CTL_CPU))
    if (array.data === undefined) code.local_get(map).i32_load(mapLayout.MAP_PRIVATE)
    else code.i32_const(array.area!)
    code.i32_mul().i32_add()
  }
  code.i32_const(0).local_get(index)
  if (array.maxEntries === undefined) code.local_get(map).i32_load(mapLayout.MAP_MAX_ENTRIES)
  else code.i32_const(array.maxEntries)
  code.i32_lt_u().select()
  e.set32(slot)
}

/** What is in a slot, or 0 past the end. */
function emitSlotLookup(e: Emitter, slot: number, array: LinkedArray, plan: ArrayLookup): void {
  const { code } = e
  const index = pushIndex(e, slot, plan)
  code.i32_const(array.maxEntries).i32_lt_u().if('i32')
  code.local_get(index).i32_const(array.stride).i32_mul().i32_load(array.data)
  code.else().i32_const(0).end()
  e.set32(slot)
}

type MapOpPlan = Extract<CallPlan, { kind: 'map_op' }>

/** Calls the operation and leaves its result. */
function pushMapOp(e: Emitter, slot: number, plan: MapOpPlan, again = false): void {
  if (plan.map.address === undefined) e.push32(slot, 0, again)
  else e.code.i32_const(plan.map.address)
  mapOpShapes[plan.op].params.forEach((type, n) => {
    if (type === 'i64') e.push64(slot, n + 1, again)
    else e.push32(slot, n + 1, again)
  })
  e.code.call(e.env.importOf(plan.fn))
}

function emitMapOp(e: Emitter, slot: number, plan: MapOpPlan): void {
  const { code } = e
  const shape = mapOpShapes[plan.op]
  pushMapOp(e, slot, plan)
  if (shape.result === 'address' || e.values.isUnused(slot) || !e.values.defIsWide(slot)) e.set32(slot)
  else {
    code.i64_extend_i32_s()
    e.set64(slot)
  }
}

function emitLocalCall(e: Emitter, slot: number, target: number): void {
  const { code } = e
  const callee = e.env.callee(e.program, target)
  callee.params.forEach((type, n) => {
    if (type === 'i64') e.push64(slot, n)
    else if (type === 'i32') e.push32(slot, n)
  })
  if (e.frame < 0) code.i32_const(0)
  else code.local_get(e.frame).i32_const(control.MAX_BPF_STACK).i32_sub()
  code.call(callee.index)
  e.set64(slot)
}

/**
 * bpf_tail_call (kernel/bpf/core.c, JMP_TAIL_CALL): goes on behind the call when the index is out of range, the limit is
 * reached or the slot is empty.
 */
function emitTailCall(e: Emitter, slot: number, map: LinkedMap | undefined): void {
  const { code } = e
  const index = e.scratch('index', 'i32')
  const record = e.scratch('record', 'i32')
  const header = map ? -1 : e.scratch('map', 'i32')
  const count = e.scratch('tail calls', 'i32')
  const array = map?.array
  const pushHeader = (field: number): void => {
    if (map) code.i32_const(map.address)
    else code.local_get(header)
    code.i32_load(field)
  }

  if (!map) {
    e.push32(slot, 1)
    code.local_set(header)
  }
  const failed = code.block()
  e.push32(slot, 2)
  code.local_tee(index)
  if (array) code.i32_const(array.maxEntries)
  else pushHeader(mapLayout.MAP_MAX_ENTRIES)
  code.i32_ge_u().br_if(failed)
  const counted = e.pushControl(control.CTL_TAIL_CALLS)
  code.i32_load(counted).local_tee(count).i32_const(control.MAX_TAIL_CALL_CNT).i32_ge_u().br_if(failed)

  code.local_get(index)
  if (array) code.i32_const(array.stride).i32_mul().i32_load(array.data)
  else {
    pushHeader(mapLayout.MAP_STRIDE)
    code.i32_mul()
    pushHeader(mapLayout.MAP_DATA)
    code.i32_add().i32_load()
  }
  code.local_tee(record).i32_eqz().br_if(failed)

  const counter = e.pushControl(control.CTL_TAIL_CALLS)
  code.local_get(count).i32_const(1).i32_add().i32_store(counter)
  const running = e.pushControl(control.CTL_PROG)
  code.local_get(record).i32_store(running)
  if (map) emitKnownTail(e, slot, map, record)
  // The callee takes this frame's place; in a subprogram the frames below the caller's are given back when it returns.
  const saved = e.isSubprogram ? e.scratch('sp', 'i32') : -1
  if (e.isSubprogram) {
    const from = e.pushControl(control.CTL_SP)
    code.i32_load(from).local_set(saved)
  }
  const sp = e.pushControl(control.CTL_SP)
  code.local_get(e.frame).i32_const(control.MAX_BPF_STACK).i32_add().i32_store(sp)

  e.push64(slot, 0)
  for (let n = 0; n < 4; n++) code.i64_const(0)
  code.local_get(record).i32_load(programLayout.PROG_SLOT)
  if (e.exit.kind === 'return' && !e.isSubprogram) {
    code.return_call_indirect(e.env.uniformType)
  } else {
    code.call_indirect(e.env.uniformType)
    if (e.isSubprogram) {
      const back = e.pushControl(control.CTL_SP)
      code.local_get(saved).i32_store(back)
    }
    e.leave()
  }
  code.end()
}

/** Writes the program that the array held when it was loaded, for as long as it holds that one. */
function emitKnownTail(e: Emitter, slot: number, map: LinkedMap, record: number): void {
  const { code, tails } = e
  const index = tails ? e.values.constant(slot, 2) : undefined
  const target = index === undefined ? undefined : e.env.tailTarget(map, index)
  if (!tails || !target || !tails.fits(target)) return
  code.local_get(record).global_get(target.record).i32_eq().if()
  const context = code.local('i32')
  e.push32(slot, 0, true)
  code.local_set(context)
  tails.write(target, context)
  code.end()
}

/** Calls the linked helper whose id a register holds (bpf_conformance's callx); no other id may be called. */
function emitCallByRegister(e: Emitter, slot: number): void {
  const { code } = e
  const id = e.scratch('helper', 'i32')
  e.push32(slot, MAX_OPERANDS - 1)
  code.local_set(id)
  const done = code.block('i64')
  for (const [number, helper] of e.program.helpers) {
    code.local_get(id).i32_const(number).i32_eq().if()
    emitArguments(e, slot, [NEED.full, NEED.full, NEED.full, NEED.full, NEED.full])
    code.call(e.env.importOf(helper.fn)).br(done)
    code.end()
  }
  e.fault(control.FAULT_ILLEGAL, slot)
  code.end()
  e.set64(slot)
}
