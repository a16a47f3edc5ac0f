import type { Env, Subprog } from './env.ts'
import { LOG_LEVEL2 } from './log.ts'
import { BPF_MAIN_FUNC, type State } from './state.ts'
import { successors } from './successors.ts'

// Which stack slots may still be read: kernel/bpf/liveness.c. Reads and certain writes are recorded while the program is
// walked, for each function as it was reached by a chain of calls, and spread backwards over its control flow.

// Masks of one frame at one instruction: two words of bits by slot each. Shifts take the low five bits of a count, so that
// `1 << spi` is the bit of a slot in its word.
const MAY_READ = 0
const MUST_WRITE = 2
const MUST_WRITE_ACC = 4
const LIVE_BEFORE = 6
const WORDS = 8

// What is known of an instruction's writes.
const NOT_SEEN = 0
const NO_WRITE = 1
const WRITES = 2

/**
 * Control flow of the whole program by number, so that it is decoded once: up to two successors of each instruction (-1 for
 * none), its place in postorder, and by that place the places of its predecessors.
 */
interface Flow {
  readonly next: Int32Array
  readonly place: Int32Array
  /** Predecessors of the instruction at a place are from `before[place]` up to `before[place + 1]` in `predecessors`. */
  readonly before: Int32Array
  readonly predecessors: Int32Array
}

function computeFlow(env: Env): Flow {
  const { program, postorder } = env
  const next = new Int32Array(program.length * 2).fill(-1)
  const place = new Int32Array(program.length)
  const before = new Int32Array(postorder.length + 2)
  const out = new Int32Array(2)
  for (const [i, insn] of postorder.entries()) place[insn] = i
  for (const insn of postorder) {
    const n = successors(program, insn, out)
    for (let s = 0; s < n; s++) {
      next[insn * 2 + s] = out[s]!
      before[place[out[s]!]! + 2]!++
    }
  }
  for (let i = 1; i < before.length; i++) before[i]! += before[i - 1]!
  const predecessors = new Int32Array(before.at(-1)!)
  for (const [i, insn] of postorder.entries()) {
    for (let s = 0; s < 2; s++) {
      const to = next[insn * 2 + s]!
      if (to >= 0) predecessors[before[place[to]! + 1]!++] = i
    }
  }
  return { next, place, before, predecessors }
}

/** A function as reached by one chain of calls. */
interface Instance {
  readonly callsites: readonly number[]
  /** Subprogram of each frame. */
  readonly subprogs: readonly number[]
  readonly start: number
  readonly length: number
  /** First place in postorder, and one past the last. */
  readonly from: number
  readonly to: number
  /** By frame: masks of each instruction of the function. */
  readonly frames: (Int32Array | undefined)[]
  /** By frame: a bit for each place in postorder, from the first, whose masks depend on what has changed since. */
  readonly stale: (Int32Array | undefined)[]
  /** NOT_SEEN, NO_WRITE or WRITES, by instruction. */
  readonly mustWriteSet: Uint8Array
  updated: boolean
  mustWriteDropped: boolean
}

export class StackLiveness {
  readonly #env: Env
  readonly #instances = new Map<string, Instance>()
  /** Instances without a caller, by subprogram: the common case. */
  readonly #outermost: (Instance | undefined)[] = []
  #current: Instance | undefined
  #writeInsn = 0
  readonly #writesLo: Int32Array = new Int32Array(8)
  readonly #writesHi: Int32Array = new Int32Array(8)
  #anyWrite = false
  readonly #flow: Flow
  #query: readonly Instance[] = []
  #queryInsn = 0

  constructor(env: Env) {
    this.#env = env
    this.#flow = computeFlow(env)
  }

  #outer(subprog: number): Instance {
    this.#outermost[subprog] ??= this.#make([BPF_MAIN_FUNC], [subprog])
    return this.#outermost[subprog]!
  }

  #lookup(state: State, frameno: number): Instance {
    if (frameno === 0) return this.#outer(state.frames[0]!.subprog)
    const callsites: number[] = []
    const subprogs: number[] = []
    for (let i = 0; i <= frameno; i++) {
      subprogs.push(state.frames[i]!.subprog)
      if (i < frameno) callsites.push(state.frames[i + 1]!.callsite)
    }
    return this.#find(callsites, subprogs)
  }

  /** `callsites` has one entry for each call, `subprogs` one more. */
  #find(callsites: readonly number[], subprogs: readonly number[]): Instance {
    if (callsites.length === 0) return this.#outer(subprogs[0]!)
    const key = `${callsites.join()}:${subprogs.join()}`
    let instance = this.#instances.get(key)
    if (!instance) {
      instance = this.#make(callsites, subprogs)
      this.#instances.set(key, instance)
    }
    return instance
  }

  #make(callsites: readonly number[], subprogs: readonly number[]): Instance {
    const { subprogs: all, postorder } = this.#env
    const own = subprogs.at(-1)!
    const subprog: Subprog = all[own]!
    return {
      callsites,
      subprogs,
      start: subprog.start,
      length: subprog.end - subprog.start,
      from: subprog.postorderStart,
      to: all[own + 1]?.postorderStart ?? postorder.length,
      frames: [],
      stale: [],
      mustWriteSet: new Uint8Array(subprog.end - subprog.start),
      updated: false,
      mustWriteDropped: false,
    }
  }

  #masks(instance: Instance, frame: number): Int32Array {
    let masks = instance.frames[frame]
    if (!masks) {
      masks = new Int32Array(instance.length * WORDS)
      instance.frames[frame] = masks
      instance.stale[frame] = new Int32Array(((instance.to - instance.from) >> 5) + 1)
    }
    return masks
  }

  #markStale(instance: Instance, frame: number, insn: number): void {
    const at = this.#flow.place[insn]! - instance.from
    instance.stale[frame]![at >> 5]! |= 1 << (at & 31)
  }

  /** The current state went into or out of a function. */
  resetChain(): void {
    this.#current = undefined
  }

  #instance(): Instance {
    this.#current ??= this.#lookup(this.#env.cur, this.#env.cur.curframe)
    return this.#current
  }

  /** The instruction may read slots of a frame. */
  markRead(frame: number, spi: number): void {
    const lo = spi < 32 ? 1 << spi : 0
    const hi = spi < 32 ? 0 : 1 << spi
    this.#markRead(this.#instance(), frame, this.#env.insn, lo, hi)
  }

  #markRead(instance: Instance, frame: number, insn: number, lo: number, hi: number): void {
    const masks = this.#masks(instance, frame)
    const at = (insn - instance.start) * WORDS
    const newLo = masks[at + MAY_READ]! | lo
    const newHi = masks[at + MAY_READ + 1]! | hi
    if (newLo === masks[at + MAY_READ] && newHi === masks[at + MAY_READ + 1]) return
    if ((newLo & ~masks[at + LIVE_BEFORE]!) !== 0 || (newHi & ~masks[at + LIVE_BEFORE + 1]!) !== 0) {
      instance.updated = true
    }
    masks[at + MAY_READ] = newLo
    masks[at + MAY_READ + 1] = newHi
    this.#markStale(instance, frame, insn)
  }

  /** Before an instruction is checked. */
  beginInsn(insn: number): void {
    this.#instance()
    this.#beginWrites(insn)
  }

  #beginWrites(insn: number): void {
    this.#writeInsn = insn
    if (this.#anyWrite) {
      this.#writesLo.fill(0)
      this.#writesHi.fill(0)
      this.#anyWrite = false
    }
  }

  /** The instruction surely writes a whole slot. */
  markWrite(frame: number, spi: number): void {
    if (spi < 32) this.#writesLo[frame]! |= 1 << spi
    else this.#writesHi[frame]! |= 1 << spi
    this.#anyWrite = true
  }

  /** After an instruction was checked; the state may have entered a function meanwhile. */
  commitInsn(): void {
    if (this.#current) this.#commit(this.#current)
  }

  #commit(instance: Instance): void {
    const index = this.#writeInsn - instance.start
    const before = instance.mustWriteSet[index]
    // Only what is written every time counts.
    if (before === NO_WRITE) return
    if (before === NOT_SEEN && !this.#anyWrite) {
      instance.mustWriteSet[index] = NO_WRITE
      return
    }
    const depth = instance.subprogs.length
    let some = 0
    for (let frame = 0; frame < depth; frame++) {
      let lo = this.#writesLo[frame]!
      let hi = this.#writesHi[frame]!
      if (lo === 0 && hi === 0 && (before === NOT_SEEN || !instance.frames[frame])) continue
      const masks = this.#masks(instance, frame)
      const at = index * WORDS + MUST_WRITE
      const oldLo = masks[at]!
      const oldHi = masks[at + 1]!
      if (before === WRITES) {
        lo &= oldLo
        hi &= oldHi
      }
      some |= lo | hi
      if (lo !== oldLo || hi !== oldHi) {
        masks[at] = lo
        masks[at + 1] = hi
        this.#markStale(instance, frame, this.#writeInsn)
        instance.updated = true
        if ((oldLo & ~lo) !== 0 || (oldHi & ~hi) !== 0) instance.mustWriteDropped = true
      }
    }
    instance.mustWriteSet[index] = some === 0 ? NO_WRITE : WRITES
  }

  /** Spreads what was recorded, for all functions of the current state: whenever a path ends or a function returns. */
  update(): void {
    const { cur } = this.#env
    this.resetChain()
    for (let frame = cur.curframe; frame >= 0; frame--) {
      const instance = this.#lookup(cur, frame)
      if (!instance.updated) continue
      this.#spread(instance)
      instance.updated = false
      instance.mustWriteDropped = false
    }
  }

  /** Sweeps in postorder until nothing changes, over those instructions alone whose masks can have changed. */
  #spread(instance: Instance): void {
    const env = this.#env
    const depth = instance.subprogs.length
    if (instance.mustWriteDropped) this.#forgetAccumulated(instance)
    const verbose = (env.log.level & LOG_LEVEL2) !== 0
    let changed: boolean
    let rounds = 0
    do {
      changed = false
      rounds++
      for (let frame = 0; frame < depth; frame++) {
        const masks = instance.frames[frame]
        if (masks && this.#sweep(instance, frame, masks, verbose)) changed = true
      }
    } while (changed)
    if (verbose) env.log.print(`${chainText(instance)} live stack update done in ${rounds} iterations\n`)
    if (depth > 1) this.#toCaller(instance)
  }

  #forgetAccumulated(instance: Instance): void {
    for (const [frame, masks] of instance.frames.entries()) {
      if (!masks) continue
      for (let at = 0; at < masks.length; at += WORDS) {
        masks[at + MUST_WRITE_ACC] = 0
        masks[at + MUST_WRITE_ACC + 1] = 0
        // From nothing, only what is written here can add to what is surely written from here on.
        if ((masks[at + MUST_WRITE]! | masks[at + MUST_WRITE + 1]!) === 0) continue
        this.#markStale(instance, frame, instance.start + at / WORDS)
      }
    }
  }

  #sweep(instance: Instance, frame: number, masks: Int32Array, verbose: boolean): boolean {
    const { postorder } = this.#env
    const { before, predecessors } = this.#flow
    const { from } = instance
    const stale = instance.stale[frame]!
    let changed = false
    for (let word = 0; word < stale.length; word++) {
      // What a change makes stale further on is looked at in this sweep, what lies behind in the next.
      let todo = stale[word]!
      while (todo !== 0) {
        const bit = 31 - Math.clz32(todo & -todo)
        stale[word]! &= ~(1 << bit)
        const place = from + word * 32 + bit
        if (this.#updateInsn(instance, frame, masks, postorder[place]!, verbose)) {
          changed = true
          const end = before[place + 1]!
          for (let i = before[place]!; i < end; i++) {
            const at = predecessors[i]! - from
            stale[at >> 5]! |= 1 << (at & 31)
          }
        }
        todo = stale[word]! & (-2 << bit)
      }
    }
    return changed
  }

  #updateInsn(instance: Instance, frame: number, masks: Int32Array, insn: number, verbose: boolean): boolean {
    const { next } = this.#flow
    const first = next[insn * 2]!
    if (first < 0) return false
    let second = next[insn * 2 + 1]!
    // For its own frame nothing comes after an early return; callers ask what is surely written before it.
    if (this.#env.program.earlyExit[insn]! >= 0 && frame === instance.subprogs.length - 1) second = -1
    const at = (insn - instance.start) * WORDS
    const to = (first - instance.start) * WORDS
    let afterLo = masks[to + LIVE_BEFORE]!
    let afterHi = masks[to + LIVE_BEFORE + 1]!
    let accLo = masks[to + MUST_WRITE_ACC]!
    let accHi = masks[to + MUST_WRITE_ACC + 1]!
    if (second >= 0) {
      const other = (second - instance.start) * WORDS
      afterLo |= masks[other + LIVE_BEFORE]!
      afterHi |= masks[other + LIVE_BEFORE + 1]!
      accLo &= masks[other + MUST_WRITE_ACC]!
      accHi &= masks[other + MUST_WRITE_ACC + 1]!
    }
    accLo |= masks[at + MUST_WRITE]!
    accHi |= masks[at + MUST_WRITE + 1]!
    const lo = (afterLo & ~masks[at + MUST_WRITE]!) | masks[at + MAY_READ]!
    const hi = (afterHi & ~masks[at + MUST_WRITE + 1]!) | masks[at + MAY_READ + 1]!
    const changed =
      lo !== masks[at + LIVE_BEFORE] ||
      hi !== masks[at + LIVE_BEFORE + 1] ||
      accLo !== masks[at + MUST_WRITE_ACC] ||
      accHi !== masks[at + MUST_WRITE_ACC + 1]
    if (!changed) return false
    const told =
      verbose &&
      ((masks[at + MAY_READ]! |
        masks[at + MAY_READ + 1]! |
        masks[at + MUST_WRITE]! |
        masks[at + MUST_WRITE + 1]!) !==
        0 ||
        insn === instance.start ||
        this.#env.prunePoint[insn] === 1)
    if (told) {
      const { log } = this.#env
      const where = `${chainText(instance)} frame ${frame} insn ${insn} `
      log.print(changeText(where, 'live', masks, at + LIVE_BEFORE, lo, hi))
      log.print(changeText(where, 'written', masks, at + MUST_WRITE_ACC, accLo, accHi))
    }
    masks[at + LIVE_BEFORE] = lo
    masks[at + LIVE_BEFORE + 1] = hi
    masks[at + MUST_WRITE_ACC] = accLo
    masks[at + MUST_WRITE_ACC + 1] = accHi
    return true
  }

  /** What a function does to its callers' frames, its call instruction does. */
  #toCaller(instance: Instance): void {
    const depth = instance.subprogs.length
    const outer = this.#find(instance.callsites.slice(0, -1), instance.subprogs.slice(0, -1))
    const callsite = instance.callsites.at(-1)!
    this.#beginWrites(callsite)
    for (let frame = 0; frame < depth - 1; frame++) {
      const masks = instance.frames[frame]
      if (!masks) continue
      this.#writesLo[frame]! |= masks[MUST_WRITE_ACC]!
      this.#writesHi[frame]! |= masks[MUST_WRITE_ACC + 1]!
      this.#anyWrite = true
      this.#markRead(outer, frame, callsite, masks[LIVE_BEFORE]!, masks[LIVE_BEFORE + 1]!)
    }
    this.#commit(outer)
  }

  /** Prepares `aliveSlots` for a state. */
  prepare(state: State): void {
    const instances: Instance[] = []
    for (let frame = 0; frame <= state.curframe; frame++) instances.push(this.#lookup(state, frame))
    this.#query = instances
    this.#queryInsn = state.insn
  }

  /** Bits of the slots of a frame of the prepared state that may still be read, to `out`. */
  aliveSlots(frame: number, out: Int32Array): void {
    const last = this.#query.length - 1
    const innermost = this.#query[last]!
    out[0] = 0
    out[1] = 0
    addLive(innermost, this.#queryInsn, frame, out)
    for (let i = frame; i < last; i++) {
      const callsite = innermost.callsites[i]!
      const at = this.#env.callsCallback[callsite] ? callsite : callsite + 1
      addLive(this.#query[i]!, at, frame, out)
    }
  }
}

/** The calls that led to a function, and where it begins: `(13,16)`. */
const chainText = (instance: Instance): string =>
  `(${[...instance.callsites.slice(0, instance.subprogs.length - 1), instance.start].join(',')})`

function slotsText(lo: number, hi: number): string {
  const names: string[] = []
  for (let spi = 0; spi < 64; spi++) {
    if (((spi < 32 ? lo >> spi : hi >> spi) & 1) !== 0) names.push(`${-(spi + 1) * 8}`)
  }
  return names.join()
}

/** What a mask gains and loses (log_mask_change). */
function changeText(
  where: string,
  name: string,
  masks: Int32Array,
  at: number,
  lo: number,
  hi: number,
): string {
  const oldLo = masks[at]!
  const oldHi = masks[at + 1]!
  if (oldLo === lo && oldHi === hi) return ''
  const gained = slotsText(lo & ~oldLo, hi & ~oldHi)
  const lost = slotsText(oldLo & ~lo, oldHi & ~hi)
  return `${where}${gained && `+${name} ${gained} `}${lost && `-${name} ${lost}`}\n`
}

function addLive(instance: Instance, insn: number, frame: number, out: Int32Array): void {
  const masks = instance.frames[frame]
  if (!masks) return
  const at = (insn - instance.start) * WORDS + LIVE_BEFORE
  out[0]! |= masks[at]!
  out[1]! |= masks[at + 1]!
}
