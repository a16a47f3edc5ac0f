import { encode, type Insn, insn } from '@skep/isa'
import type { CollectionSpec, MapSpec, ProgramSpec } from '@skep/registry'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Collection, createRuntime } from '../src/core.ts'
import { defaultPreset } from '../src/index.ts'
import { judgeOnce } from './judge-once.ts'

// Random verified programs give the same result, packet and map contents on both engines.

const BPF_PSEUDO_MAP_FD = 1
const RUNS = Number(process.env['DIFFERENTIAL_RUNS'] ?? 10_000)
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 42)

const counters: MapSpec = { name: 'counters', type: 'array', keySize: 4, valueSize: 16, maxEntries: 4 }
const table: MapSpec = { name: 'table', type: 'hash', keySize: 8, valueSize: 8, maxEntries: 8 }

/** Registers that hold scalars throughout; r6 is the packet, r7 the value of an array element, r10 the frame. */
const SCALARS = [0, 1, 2, 3, 4, 5, 8, 9] as const
const scalar = fc.constantFrom(...SCALARS)
const imm = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: -16, max: 16 }),
  fc.constantFrom(0, 1, -1, 255, 0x7fff_ffff, -(2 ** 31)),
)
const wide = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n),
)

const ALU = ['add', 'sub', 'mul', 'div', 'sdiv', 'or', 'and', 'xor', 'mod', 'smod'] as const
const SHIFT = ['lsh', 'rsh', 'arsh'] as const
const JUMP = ['jeq', 'jgt', 'jge', 'jset', 'jne', 'jsgt', 'jsge', 'jlt', 'jle', 'jslt', 'jsle'] as const
const WIDTH = [32, 64] as const
type Build = Record<string, (...operands: never[]) => Insn | Insn[]>
const build = insn as unknown as Build
const op = (name: string, ...operands: (number | bigint)[]): Insn[] =>
  [(build[name] as unknown as (...o: (number | bigint)[]) => Insn | Insn[])(...operands)].flat()

const alu = fc
  .tuple(fc.constantFrom(...ALU), fc.constantFrom(...WIDTH), scalar, scalar, imm, fc.boolean())
  .map(([name, width, dst, src, value, byReg]) => {
    if (byReg) return op(`${name}${width}_reg`, dst, src)
    const zero = value === 0 && /div|mod/.test(name)
    return op(`${name}${width}_imm`, dst, zero ? 7 : value)
  })
const shift = fc
  .tuple(fc.constantFrom(...SHIFT), fc.constantFrom(...WIDTH), scalar, fc.nat(31), scalar, fc.boolean())
  .map(([name, width, dst, by, src, byReg]) =>
    byReg ? op(`${name}${width}_reg`, dst, src) : op(`${name}${width}_imm`, dst, by),
  )
const move = fc
  .tuple(
    fc.constantFrom(
      'mov64_reg',
      'mov32_reg',
      'movsx64_8_reg',
      'movsx64_16_reg',
      'movsx64_32_reg',
      'movsx32_8_reg',
      'movsx32_16_reg',
    ),
    scalar,
    scalar,
  )
  .map(([name, dst, src]) => op(name, dst, src))
const unary = fc
  .tuple(
    fc.constantFrom(
      'neg64',
      'neg32',
      'be16',
      'be32',
      'be64',
      'le16',
      'le32',
      'bswap16',
      'bswap32',
      'bswap64',
    ),
    scalar,
  )
  .map(([name, dst]) => op(name, dst))
const constant = fc.tuple(scalar, wide).map(([dst, value]) => op('ld_imm64', dst, value))
const SIZE = { b: 1, h: 2, w: 4, dw: 8 } as const
const size = fc.constantFrom(...(Object.keys(SIZE) as (keyof typeof SIZE)[]))
/** Aligned places in the packet (r6, 64 bytes), the element (r7, 16 bytes) and the stack (r10, 64 bytes below). */
const place = fc.tuple(fc.constantFrom(6, 7, 10), size, fc.nat(63)).map(([base, s, n]) => {
  const bytes = SIZE[s]
  const room = base === 7 ? 16 : 64
  const at = (n - (n % bytes)) % room
  return { base, s, off: base === 10 ? at - 64 : at }
})
const loads = fc
  .tuple(place, scalar, fc.boolean())
  .map(([p, dst, signed]) => op(signed && p.s !== 'dw' ? `ldxsx_${p.s}` : `ldx_${p.s}`, dst, p.base, p.off))
const stores = fc
  .tuple(place, scalar, imm, fc.boolean())
  .map(([p, src, value, byReg]) =>
    byReg ? op(`stx_${p.s}`, p.base, src, p.off) : op(`st_${p.s}`, p.base, p.off, value),
  )
const ATOMIC = [
  'add',
  'fetch_add',
  'or',
  'fetch_or',
  'and',
  'fetch_and',
  'xor',
  'fetch_xor',
  'xchg',
  'cmpxchg',
] as const
const atomics = fc
  .tuple(fc.constantFrom(...ATOMIC), fc.constantFrom(...WIDTH), fc.constantFrom(7, 10), scalar, fc.nat(1))
  .map(([name, width, base, src, n]) =>
    op(`atomic${width}_${name}`, base, src, base === 10 ? n * 8 - 64 : n * 8),
  )

type Piece = {
  readonly insns: readonly Insn[]
  readonly jump?: { name: string; dst: number; src: number; imm: number; over: number }
}
const straight: fc.Arbitrary<Piece> = fc
  .oneof(
    { weight: 5, arbitrary: alu },
    shift,
    move,
    unary,
    constant,
    { weight: 3, arbitrary: loads },
    { weight: 3, arbitrary: stores },
    atomics,
  )
  .map((insns) => ({ insns }))
/** A conditional jump over the next few pieces: always forward, so the program ends. */
const jump: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.constantFrom(...JUMP),
    fc.constantFrom(...WIDTH),
    scalar,
    scalar,
    imm,
    fc.boolean(),
    fc.integer({ min: 1, max: 6 }),
  )
  .map(([name, width, dst, src, value, byReg, over]) => ({
    insns: [],
    jump: { name: `${name}${width}_${byReg ? 'reg' : 'imm'}`, dst, src, imm: value, over },
  }))
const program = fc.array(fc.oneof({ weight: 5, arbitrary: straight }, { weight: 1, arbitrary: jump }), {
  minLength: 1,
  maxLength: 40,
})

const PROLOGUE: readonly Insn[] = [
  ...op('mov64_reg', 8, 1),
  ...op('ldx_w', 6, 1, 0),
  ...op('ldx_w', 2, 1, 4),
  ...op('mov64_reg', 3, 6),
  ...op('add64_imm', 3, 64),
  // Out of packet: leave.
  ...op('jle64_reg', 3, 2, 2),
  ...op('mov64_imm', 0, 0),
  ...op('exit'),
  // The array element, proved non-null by its constant key.
  ...op('st_w', 10, -4, 1),
  ...op('ld_imm64', 1, 0n),
  ...op('mov64_reg', 2, 10),
  ...op('add64_imm', 2, -4),
  ...op('call_helper', 1),
  ...op('jne64_imm', 0, 0, 1),
  ...op('exit'),
  ...op('mov64_reg', 7, 0),
  ...[0, 1, 2, 3, 4, 5, 8, 9].flatMap((r) => op('mov64_imm', r, r * 1000 + 1)),
  ...Array.from({ length: 8 }, (_, i) => op('st_dw', 10, -64 + i * 8, i * 77)).flat(),
]
/** Stores what the registers hold into the packet and the hash, so that nothing that differs stays unseen. */
const EPILOGUE: readonly Insn[] = [
  ...[0, 1, 2, 3, 4, 5].flatMap((r) => op('stx_dw', 6, r, r * 8)),
  ...op('mov64_reg', 9, 0),
  ...op('stx_dw', 10, 8, -64),
  ...op('stx_dw', 10, 9, -56),
  ...op('ld_imm64', 1, 0n),
  ...op('mov64_reg', 2, 10),
  ...op('add64_imm', 2, -64),
  ...op('mov64_reg', 3, 10),
  ...op('add64_imm', 3, -56),
  ...op('mov64_imm', 4, 0),
  ...op('call_helper', 2),
  ...op('mov64_reg', 0, 9),
  ...op('exit'),
]

function assemble(pieces: readonly Piece[], name: string): ProgramSpec {
  // Where each piece begins, then jumps with their distances.
  const starts: number[] = []
  let at = PROLOGUE.length
  for (const piece of pieces) {
    starts.push(at)
    at += piece.jump ? 1 : piece.insns.length
  }
  starts.push(at)
  const body = pieces.flatMap((piece, i) => {
    if (!piece.jump) return piece.insns
    const { name: jumpName, dst, src, imm: value, over } = piece.jump
    const target = starts[Math.min(i + over, pieces.length)]!
    return op(jumpName, dst, jumpName.endsWith('reg') ? src : value, target - starts[i]! - 1)
  })
  const insns = [...PROLOGUE, ...body, ...EPILOGUE]
  const constants = insns.flatMap((i, slot) => (i.def.name === 'ld_imm64' ? [slot] : []))
  const first = constants[0]!
  const last = constants.at(-1)!
  for (const slot of [first, last]) insns[slot] = { ...insns[slot]!, src: BPF_PSEUDO_MAP_FD }
  return {
    name,
    section: 'xdp',
    type: 'xdp',
    license: 'GPL',
    insns: encode(insns),
    references: [
      { insn: first, kind: 'map', map: 'counters' },
      { insn: last, kind: 'map', map: 'table' },
    ],
    functions: [],
    lines: [],
  }
}

/** What a run leaves: r0, the packet, all elements of the maps. */
function outcome(collection: Collection, name: string, data: Uint8Array): object {
  const { retval, data: out } = collection.program(name).testRun({ data })
  const maps = [...collection.maps.values()].map((map) => {
    const elements: string[] = []
    for (let key = map.nextKey(); key; key = map.nextKey(key)) elements.push(`${key}=${map.lookup(key)}`)
    return elements.sort()
  })
  return { retval, out: String(out), maps }
}

/** Programs that are loaded together: compiling one by one is most of the time otherwise. */
const BATCH = 25

describe('engines', () => {
  it(`agree on ${RUNS} random verified programs (seed ${SEED})`, async () => {
    const parts = { plugins: defaultPreset, verifier: judgeOnce() }
    const interpreter = await createRuntime({ ...parts, engine: 'interpreter' })
    const jit = await createRuntime({ ...parts, engine: 'jit' })
    let accepted = 0
    let refused = 0
    const batch = fc.array(program, { minLength: BATCH, maxLength: BATCH })
    const packet = fc.uint8Array({ minLength: 64, maxLength: 64 })
    await fc.assert(
      fc.asyncProperty(batch, packet, async (bodies, data) => {
        const all: CollectionSpec = {
          programs: bodies.map((pieces, i) => assemble(pieces, `random${i}`)),
          maps: [counters, table],
          variables: [],
          license: 'GPL',
          notes: [],
        }
        const good = interpreter.verify(all).filter((v) => v.verdict.verdict === 'accept')
        const spec = { ...all, programs: good.map((v) => v.program) }
        accepted += good.length
        refused += all.programs.length - good.length
        const left = await interpreter.load(spec)
        const right = await jit.load(spec)
        for (const { name } of spec.programs) {
          expect(outcome(right, name, data), name).toEqual(outcome(left, name, data))
        }
        left.close()
        right.close()
      }),
      { numRuns: Math.ceil(RUNS / BATCH), seed: SEED },
    )
    // A generator whose programs are mostly refused would test nothing.
    expect(refused).toBeLessThan(accepted / 20)
    interpreter.close()
    jit.close()
  }, 600_000)
})
