import { beforeEach, describe, expect, it } from 'vitest'
import * as layout from '../../src/layout.ts'
import { createScalarDomainSync, ID_MAP_BYTES } from '../../src/scalar/index.ts'
import { createRandom } from '../../src/scalar/random-programs.ts'
import {
  frameSafe,
  Ids,
  type Reg,
  regsExact,
  type Slot,
  type TestFrame,
  writeFrame,
  writeReg,
} from './frames.ts'
import { randomNumeric, readRecord, show } from './records.ts'
import { known, type Numeric, sync, unknown } from './reference.ts'

const rounds = Number(process.env['SCALAR_ROUNDS'] ?? 600)
const memory = new WebAssembly.Memory({ initial: 1 })
const { records } = createScalarDomainSync(memory)
const words = new Int32Array(memory.buffer)
const bytes = new Uint8Array(memory.buffer)
const IDS = 64
const UNBOUND = (IDS + ID_MAP_BYTES + 15) & ~15
const OLD = UNBOUND + layout.REG_SIZE
const SLOTS = 6
const CURRENT = OLD + layout.FRAME_STACK + (SLOTS + 1) * layout.SLOT_SIZE
const OUT = CURRENT + layout.FRAME_STACK + (SLOTS + 1) * layout.SLOT_SIZE

type Random = ReturnType<typeof createRandom>
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)]!

const BASES = [
  ...[
    layout.NOT_INIT,
    layout.SCALAR_VALUE,
    layout.SCALAR_VALUE,
    layout.SCALAR_VALUE,
    layout.PTR_TO_CTX,
    layout.PTR_TO_MAP_KEY,
    layout.PTR_TO_MAP_VALUE,
  ],
  ...[
    layout.PTR_TO_MEM,
    layout.PTR_TO_BUF,
    layout.PTR_TO_TP_BUFFER,
    layout.PTR_TO_PACKET,
    layout.PTR_TO_PACKET_META,
    layout.PTR_TO_ARENA,
  ],
  ...[layout.PTR_TO_SOCKET, layout.PTR_TO_STACK],
]
const LINKS = [0, 0, 0, layout.BPF_ADD_CONST32, layout.BPF_ADD_CONST64 | 0]

function numbers(random: Random): Numeric {
  const r = random(3) ? randomNumeric(random) : known(BigInt(random(3)))
  sync(r)
  return r
}

function randomReg(random: Random, type = pick(random, BASES)): Reg {
  const id = random(2) ? 1 + random(4) : 0
  return {
    type: type > layout.SCALAR_VALUE && random(6) === 0 ? type | 256 : type,
    id: id && type === layout.SCALAR_VALUE ? id | pick(random, LINKS) : id,
    ref: random(3) ? 0 : 1 + random(4),
    off: random(2) ? 0 : random(20) - 10,
    aux: Array.from({ length: 6 }, () => (random(2) ? 0 : random(4) - 2)),
    precise: type === layout.SCALAR_VALUE && random(2) === 0,
    numbers: numbers(random),
  }
}

function randomSlot(random: Random): Slot {
  const fill = (type: number): number[] => Array.from({ length: 8 }, () => type)
  const loose = (): number => pick(random, [layout.STACK_INVALID, layout.STACK_MISC, layout.STACK_ZERO])
  const reg = randomReg(random)
  switch (random(8)) {
    case 0:
      return { types: fill(loose()), reg }
    case 1:
      return { types: Array.from({ length: 8 }, loose), reg }
    case 2:
      return {
        types: fill(pick(random, [layout.STACK_DYNPTR, layout.STACK_ITER, layout.STACK_IRQ_FLAG])),
        reg,
      }
    case 3: {
      const type = loose()
      return { types: [type, type, type, type, 1, 1, 1, 1], reg: randomReg(random, layout.SCALAR_VALUE) }
    }
    case 4:
      return { types: fill(layout.STACK_MISC), reg }
    default:
      return { types: fill(layout.STACK_SPILL), reg }
  }
}

/** Another value, perhaps one that lies within. */
function otherNumbers(random: Random, r: Numeric): Numeric {
  if (random(3) === 0) return unknown()
  const other: Numeric = { ...r }
  const part = pick(random, ['s32', 'u32', 's64', 'u64', 'tnum'] as const)
  if (part === 'tnum') other.tnum = random(2) ? [r.tnum[0], 0n] : [r.tnum[0] & ~1n, r.tnum[1] | 1n]
  else if (r[part][0] < r[part][1]) {
    other[part] = random(2) ? [r[part][0] + 1n, r[part][1]] : [r[part][0], r[part][1] - 1n]
  }
  return other
}

function changeReg(random: Random, reg: Reg): void {
  switch (random(9)) {
    case 0:
      reg.type = pick(random, BASES)
      break
    case 1:
      reg.id = random(2) ? 0 : random(5)
      break
    case 2:
      reg.id ^= pick(random, LINKS)
      break
    case 3:
      reg.ref = random(5)
      break
    case 4:
      reg.off += random(3) - 1
      break
    case 5:
      reg.aux[random(6)]! += random(3) - 1
      break
    case 6:
      reg.precise = !reg.precise
      break
    default:
      reg.numbers = otherNumbers(random, reg.numbers)
  }
}

function change(random: Random, frame: TestFrame): void {
  if (random(2) || frame.slots.length === 0) {
    changeReg(random, pick(random, frame.regs))
    return
  }
  const slot = pick(random, frame.slots)
  switch (random(5)) {
    case 0:
      frame.slots.pop()
      break
    case 1:
      slot.types[random(8)] = random(7)
      if (slot.types.includes(layout.STACK_SPILL)) slot.types.fill(layout.STACK_SPILL)
      break
    case 2:
      slot.types.fill(
        pick(random, [layout.STACK_MISC, layout.STACK_ZERO, layout.STACK_INVALID, layout.STACK_SPILL]),
      )
      if (slot.types[0] === layout.STACK_SPILL) slot.reg = randomReg(random, layout.SCALAR_VALUE)
      break
    default:
      changeReg(random, slot.reg)
  }
}

const randomFrame = (random: Random): TestFrame => ({
  regs: Array.from({ length: layout.MAX_FRAME_REGS }, () => randomReg(random)),
  slots: Array.from({ length: random(SLOTS + 1) }, () => randomSlot(random)),
})

const unbound: Reg = {
  type: layout.SCALAR_VALUE,
  id: 0,
  ref: 0,
  off: 0,
  aux: [0, 0, 0, 0, 0, 0],
  precise: false,
  numbers: unknown(),
}

const text = (frame: TestFrame): string =>
  JSON.stringify(frame, (_, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value))

beforeEach(() => {
  bytes.fill(0xa5, 0, OUT + 64)
  writeReg(memory, UNBOUND, unbound)
})

describe('frames', () => {
  for (const exact of [0, 1, 2]) {
    it(`compare as the kernel compares them, exactness ${exact}`, () => {
      const random = createRandom(50 + exact)
      const answers = [0, 0]
      for (let round = 0; round < rounds; round++) {
        const old = randomFrame(random)
        const current = structuredClone(old)
        // One by one the others stay as they are, so that one change decides.
        const few = random(3)
        for (let i = 0; i < few; i++) change(random, random(4) ? current : old)
        if (random(3) === 0 && current.slots.length < SLOTS) current.slots.push(randomSlot(random))
        const live = random(4) ? 0x7ff : random(0x800)
        const flags = random(4)
        writeFrame(memory, OLD, old)
        writeFrame(memory, CURRENT, current)
        records.beginIds(IDS, 100)
        const want = frameSafe(old, current, live, exact, flags, unbound, new Ids(100))
        const got = records.frameSafe(
          OLD,
          old.slots.length,
          CURRENT,
          current.slots.length,
          live,
          exact,
          flags,
          UNBOUND,
        )
        answers[got]!++
        if (got !== Number(want)) expect.unreachable(`${got}, ${flags}:\n${text(old)}\n${text(current)}`)
      }
      for (const count of answers) expect(count).toBeGreaterThan(rounds / 10)
    })
  }

  it('differ in a register', () => {
    const random = createRandom(60)
    const wordsOf = ({ type, id, ref, off, aux, numbers: n }: Reg): string =>
      `${[type, id, ref, off, ...aux].join(' ')} ${show(n)}`
    for (let round = 0; round < rounds; round++) {
      const old = randomFrame(random)
      const current = structuredClone(old)
      if (random(4)) changeReg(random, pick(random, current.regs))
      if (random(4) === 0) changeReg(random, pick(random, current.regs))
      writeFrame(memory, OLD, old)
      writeFrame(memory, CURRENT, current)
      const different = old.regs.flatMap((reg, r) => (wordsOf(reg) === wordsOf(current.regs[r]!) ? [] : [r]))
      const first = random(layout.MAX_FRAME_REGS)
      const want = different.includes(first) ? first : (different[0] ?? -1)
      expect(records.frameDiffers(OLD, CURRENT, first)).toBe(want)
      const [a, b] = [old.regs[0]!, current.regs[0]!]
      records.beginIds(IDS, 9)
      expect(records.regsExact(OLD, CURRENT)).toBe(Number(regsExact(a, b, new Ids(9))))
    }
  })

  it('identities correspond one to one, up to 600', () => {
    const random = createRandom(61)
    for (let round = 0; round < 40; round++) {
      records.beginIds(IDS, 5)
      const ids = new Ids(5)
      for (let i = 0; i < 30; i++) {
        const [old, current] = [random(7), random(7)]
        expect(records.checkIds(old, current)).toBe(Number(ids.check(old, current)))
      }
    }
    records.beginIds(IDS, 0)
    for (let i = 1; i <= 600; i++) expect(records.checkIds(i, i + 1)).toBe(1)
    expect(records.checkIds(601, 700)).toBe(0)
    expect(records.checkIds(600, 601)).toBe(1)
    expect(words[UNBOUND >> 2]).toBe(layout.SCALAR_VALUE)
  })
})

/** What a record without a value is after `mark`: kind, identities, words and marks, and its numbers. */
const stateOf = (at: number): unknown => ({
  words: [...words.subarray(at >> 2, (at + layout.REG_SUBREG_DEF) >> 2)],
  numbers: show(readRecord(memory, at)),
})

describe('marks', () => {
  const empty = (type: number): unknown => ({
    words: [type, ...Array.from({ length: 10 }, () => 0)],
    numbers: show(unknown()),
  })

  it('make a record unknown, not initialised, or of a kind', () => {
    bytes.fill(0xff, OLD, OLD + layout.REG_SIZE)
    records.markUnknown(OLD)
    expect(stateOf(OLD)).toEqual(empty(layout.SCALAR_VALUE))
    bytes.fill(0xff, OLD, OLD + layout.REG_SIZE)
    records.markNotInit(OLD)
    expect(stateOf(OLD)).toEqual(empty(layout.NOT_INIT))
    bytes.fill(0xff, OLD, OLD + layout.REG_SIZE)
    records.markKind(OLD, layout.PTR_TO_CTX)
    expect([...words.subarray(OLD >> 2, (OLD + layout.REG_SUBREG_DEF) >> 2)]).toEqual([
      layout.PTR_TO_CTX,
      ...Array.from({ length: 10 }, () => 0),
    ])
    expect(
      [...bytes.subarray(OLD + layout.REG_NUMERIC, OLD + layout.REG_SIZE)].every((byte) => byte === 255),
    ).toBe(true)
    expect(words[(OLD + layout.REG_SUBREG_DEF) >> 2]).toBe(-1)
  })

  it('after a call, six registers are gone', () => {
    const frame = randomFrame(createRandom(62))
    for (const reg of frame.regs) reg.type = layout.PTR_TO_CTX
    writeFrame(memory, OLD, frame)
    records.clearCallerSaved(OLD)
    for (let r = 0; r < layout.MAX_FRAME_REGS; r++) {
      if (r < 6) expect(stateOf(OLD + r * layout.REG_SIZE)).toEqual(empty(layout.NOT_INIT))
      else expect(words[(OLD + r * layout.REG_SIZE) >> 2]).toBe(layout.PTR_TO_CTX)
    }
  })

  it('clean a frame of what is read no more', () => {
    const random = createRandom(63)
    for (let round = 0; round < 100; round++) {
      const frame = randomFrame(random)
      for (const { types } of frame.slots) types.fill(1 + random(6))
      for (const reg of frame.regs) reg.type = random(3) ? layout.PTR_TO_CTX : layout.NOT_INIT
      bytes.fill(0xa5, OLD, OUT)
      const [live, low, high] = [random(0x800), random(64), round & 1 ? -1 : 0]
      writeFrame(memory, OLD, frame)
      writeFrame(memory, CURRENT, frame)
      records.cleanFrame(OLD, frame.slots.length, live, low, high)
      for (let r = 0; r < layout.MAX_FRAME_REGS; r++) {
        const kept = (live >> r) & 1 || r === 10 || frame.regs[r]!.type === layout.NOT_INIT
        const want = kept ? stateOf(CURRENT + r * layout.REG_SIZE) : empty(layout.NOT_INIT)
        expect(stateOf(OLD + r * layout.REG_SIZE)).toEqual(want)
      }
      for (const [spi, { types }] of frame.slots.entries()) {
        const at = OLD + layout.FRAME_STACK + spi * layout.SLOT_SIZE
        const kept = (low >> spi) & 1
        expect(stateOf(at)).toEqual(kept ? stateOf(at - OLD + CURRENT) : empty(layout.NOT_INIT))
        expect([...bytes.subarray(at + layout.SLOT_TYPES, at + layout.SLOT_SIZE)]).toEqual(
          kept ? types : types.map(() => layout.STACK_INVALID),
        )
      }
      expect(bytes[OLD + layout.FRAME_STACK + frame.slots.length * layout.SLOT_SIZE]).toBe(
        bytes[CURRENT + layout.FRAME_STACK + frame.slots.length * layout.SLOT_SIZE],
      )
    }
  })

  it('of what is precise', () => {
    const random = createRandom(64)
    for (let round = 0; round < rounds / 3; round++) {
      const frame = randomFrame(random)
      const isSpilledScalar = ({ types, reg }: Slot): boolean =>
        types[7] === layout.STACK_SPILL && reg.type === layout.SCALAR_VALUE
      for (const { reg } of frame.slots) reg.precise = random(2) === 0
      writeFrame(memory, OLD, frame)
      const bits = (flags: readonly boolean[]): number =>
        flags.reduce((sum, flag, i) => sum | (Number(flag) << i), 0)
      const scalars = frame.regs.map(({ type }, r) => type === layout.SCALAR_VALUE && r < 10)
      expect(records.preciseScalars(OLD, frame.slots.length, OUT)).toBe(
        bits(frame.regs.map(({ precise }, r) => scalars[r]! && precise)),
      )
      expect(words[OUT >> 2]).toBe(bits(frame.slots.map((slot) => isSpilledScalar(slot) && slot.reg.precise)))
      expect(words[(OUT >> 2) + 1]).toBe(0)

      const [regs, slots] = [random(0x400), random(256)]
      words[OUT >> 2] = regs
      words[(OUT >> 2) + 2] = slots
      words[(OUT >> 2) + 3] = round & 1 ? 1 << random(31) : 0
      const newRegs = regs & bits(frame.regs.map(({ precise }, r) => scalars[r]! && !precise))
      const newSlots = slots & bits(frame.slots.map((slot) => isSpilledScalar(slot) && !slot.reg.precise))
      expect(records.markPrecise(OLD, frame.slots.length, OUT)).toBe(Number((newRegs | newSlots) !== 0))
      expect([words[OUT >> 2], words[(OUT >> 2) + 2], words[(OUT >> 2) + 3]]).toEqual([newRegs, newSlots, 0])
      const preciseAt = (at: number): boolean =>
        (words[(at + layout.REG_FLAGS) >> 2]! & layout.REG_FLAG_PRECISE) !== 0
      for (const [r, { precise }] of frame.regs.entries())
        expect(preciseAt(OLD + r * layout.REG_SIZE)).toBe(precise || ((newRegs >> r) & 1) === 1)
      for (const [spi, { reg }] of frame.slots.entries())
        expect(preciseAt(OLD + layout.FRAME_STACK + spi * layout.SLOT_SIZE)).toBe(
          reg.precise || ((newSlots >> spi) & 1) === 1,
        )
    }
  })

  it('copy bytes', () => {
    for (let i = 0; i < 40; i++) bytes[OLD + i] = i + 1
    bytes.fill(0, CURRENT, CURRENT + 64)
    records.copyBytes(CURRENT, OLD, 33)
    expect([...bytes.subarray(CURRENT, CURRENT + 35)]).toEqual([
      ...Array.from({ length: 33 }, (_, i) => i + 1),
      0,
      0,
    ])
  })
})
