import { ANCILLARY, disassembleBpfAsm, encodeClassic } from '@skep/isa'
import {
  CbpfError,
  type ClassicFormat,
  formatCArray,
  formatClassic,
  formatDdd,
  type ParseCbpfOptions,
  parseCbpf,
} from '@skep/loader-cbpf'
import {
  Random as ProgramRandom,
  randomClassic,
} from '../../../../packages/loader-cbpf/test/random-program.ts'
import type { Random } from '../random.ts'
import { editBytes, editField, editText, type Table } from './edits.ts'
import { type FuzzTarget, hexOf, typed } from './target.ts'

const OFFSETS = Object.values(ANCILLARY).map(({ offset }) => offset)
const PROGRAMS = 60
/** The first of them have the most instructions, and are taken seldom. */
const LONG_PROGRAMS = 1
const LONG_RATE = 0.003

/** Mostly as long as filters are; the longest has 4,096 instructions. */
function sizeOf(random: ProgramRandom, at: number): number {
  if (at < LONG_PROGRAMS) return 4095
  return at % 20 === 0 ? 1 + random.below(600) : 1 + random.below(24)
}

/** Programs of all sizes, in each form. */
function seedsOf(): {
  readonly texts: readonly (readonly [ClassicFormat, string])[]
  readonly bytes: readonly Uint8Array[]
} {
  const random = new ProgramRandom(7)
  const programs = Array.from({ length: PROGRAMS }, (_, at) =>
    randomClassic(random, sizeOf(random, at), {
      extensions: OFFSETS,
      headers: true,
      returnsA: true,
    }),
  )
  const texts = programs.flatMap((insns): (readonly [ClassicFormat, string])[] => [
    ['ddd', formatDdd(insns)],
    ['ddd', `'${formatDdd(insns, 'commas')}'`],
    ['c', formatCArray(insns)],
    ['c', `struct sock_filter code[] = {\n${formatCArray(insns)}};`],
    [
      'c',
      insns
        .map(({ code, jt, jf, k }) =>
          jt || jf ? `BPF_JUMP(${code}, ${k}, ${jt}, ${jf}),` : `BPF_STMT(BPF_LD+BPF_W | ${code}, -(${k})),`,
        )
        .join('\n'),
    ],
    ['listing', formatClassic(insns).join('\n')],
    ['asm', disassembleBpfAsm(insns)],
    [
      'asm',
      `/* a filter */\n${disassembleBpfAsm(insns).replaceAll('jeq', 'jne').replaceAll('[x + ', '[%x+')}`,
    ],
    ['json', JSON.stringify(insns)],
    ['json', JSON.stringify(insns.map(({ code, jt, jf, k }) => [code, jt, jf, k]))],
  ])
  return { texts, bytes: programs.map((insns) => encodeClassic(insns)) }
}

const TARGETS: readonly ParseCbpfOptions[] = [
  {},
  {},
  { type: 'xdp' },
  { type: 'sched_cls', style: 'direct', constants: { hatype: 1, pay_offset: 54 } },
]

/** Fields of `struct sock_filter`. */
const fieldsOf = (bytes: Uint8Array): readonly Table[] => [
  { start: 0, count: bytes.length / 4, field: 4 },
  { start: 0, count: bytes.length / 2, field: 2 },
  { start: 0, count: bytes.length, field: 1 },
]

/** Seeds are listed program by program, each in as many forms. */
function pickSeed<T>(random: Random, seeds: readonly T[]): T {
  const long = (seeds.length / PROGRAMS) * LONG_PROGRAMS
  return seeds[random.chance(LONG_RATE) ? random.below(long) : long + random.below(seeds.length - long)]!
}

/** `parseCbpf` on every form: the form is told or found out, the program checked and translated. */
export function classicTarget(): FuzzTarget {
  const { texts, bytes } = seedsOf()
  const others = texts.map(([, text]) => text)
  const makeBytes = (random: Random): Uint8Array => {
    const seed = pickSeed(random, bytes)
    if (random.chance(0.2)) return editBytes(random, seed)
    const out = seed.slice()
    for (let times = 1 + random.below(3); times > 0; times--) editField(random, out, fieldsOf(out))
    return out
  }
  return {
    name: 'classic',
    make: (random) => {
      const options = random.pick(TARGETS)
      if (random.chance(0.15)) {
        const input = makeBytes(random)
        const told = random.chance(0.7) ? { format: 'bytes' as const } : {}
        return {
          size: input.length,
          parse: () => parseCbpf(input, { ...options, ...told }),
          show: () => hexOf(input),
        }
      }
      const [format, seed] = pickSeed(random, texts)
      const input = editText(random, seed, others)
      const told = random.chance(0.5) ? { format } : {}
      return {
        size: Buffer.byteLength(input),
        parse: () => parseCbpf(input, { ...options, ...told }),
        show: () => JSON.stringify(input),
      }
    },
    codeOf: (error) => typed(error, CbpfError),
  }
}
