import { CbpfError, formatDdd } from '@skep/loader-cbpf'
import { ElfError } from '@skep/loader-elf'
import {
  type ParseTcOptions,
  parseBpfWords,
  parseTc,
  parseTcBytecode,
  TC_SECTIONS,
  TcError,
  type TcProgramType,
} from '@skep/loader-tc'
import {
  Random as ProgramRandom,
  randomClassic,
} from '../../../../packages/loader-cbpf/test/random-program.ts'
import type { Random } from '../random.ts'
import { editText } from './edits.ts'
import { elfSeeds, mutateObject } from './elf.ts'
import { type FuzzTarget, hexOf, typed } from './target.ts'

const TYPES = Object.keys(TC_SECTIONS) as TcProgramType[]

/** Commands as iproute2's manual page has them, from the word after `bpf` on. */
const COMMANDS: readonly string[] = [
  'da obj prog.o sec classifier',
  'object-file prog.o section ingress direct-action verbose classid 1:1 skip_hw',
  'obj prog.o export /tmp/bpf sec 2/0 action drop',
  "bytecode '1,6 0 0 0,' flowid 1:2 police rate 1mbit burst 10k",
  'bytecode-file filter.txt action ok index 4',
  'object-pinned /sys/fs/bpf/prog da',
  'pinned /sys/fs/bpf/tc/globals/m program cls_main',
]

/** `parseTc`, the bytecode of the command line, and the command's words. */
export function tcTarget(root: string): FuzzTarget {
  const objects = elfSeeds(root)
  const random = new ProgramRandom(11)
  const bytecode = Array.from({ length: 40 }, () =>
    formatDdd(randomClassic(random, 1 + random.below(30), { headers: true, wild: true }), 'commas'),
  )
  const object = (choice: Random): ReturnType<FuzzTarget['make']> => {
    const seed = choice.pick(objects)
    const input = mutateObject(choice, seed)
    const options: ParseTcOptions = {
      type: choice.pick(TYPES),
      // Sections of the object itself: those of the seeds are those of many hooks.
      ...(choice.chance(0.8) && seed.sections.length > 0 ? { section: choice.pick(seed.sections) } : {}),
      ...(choice.chance(0.1) ? { program: 'main' } : {}),
      pinning: { 3: 'mine' },
    }
    return { size: input.length, parse: () => parseTc(input, options), show: () => hexOf(input) }
  }
  const text = (choice: Random): ReturnType<FuzzTarget['make']> => {
    const code = choice.chance(0.6)
    const input = code
      ? editText(choice, choice.pick(bytecode), bytecode)
      : editText(choice, choice.pick(COMMANDS), COMMANDS)
    const file = choice.chance(0.3)
    return {
      size: Buffer.byteLength(input),
      parse: () => (code ? parseTcBytecode(input, { file }) : parseBpfWords(input.split(/\s+/))),
      show: () => JSON.stringify(input),
    }
  }
  return {
    name: 'tc',
    make: (choice) => (choice.chance(0.7) ? object(choice) : text(choice)),
    codeOf: (error) => typed(error, TcError, ElfError, CbpfError),
  }
}
