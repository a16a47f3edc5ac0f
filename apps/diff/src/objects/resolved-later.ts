import type { CollectionSpec, Platform, ProgramSpec } from '@skep/registry'
import type { Knowledge, Recorded } from '../../../../packages/loader-elf/test/recorded.ts'

/**
 * What libbpf asks the kernel for while it loads, and a spec leaves to whoever loads it. Said in the reference page, in the
 * same words.
 */
export const LATER: Readonly<Record<string, string>> = {
  struct_ops:
    'A struct of functions is a map of type 26 to libbpf, and the number of the member is the attach type of its program. Here it is in `structOps`, and the program’s `attachTo` names the member.',
  address:
    'Of an `extern void` symbol libbpf writes the running kernel’s address into the instruction. Here it is a reference.',
  target:
    'What a program attaches to (fentry, freplace) is looked up by whoever loads it; libbpf does not load a program whose function the running kernel lacks, and the others are compared.',
  type: 'Of a section that no program type of the platform has (`lirc_mode2`) the type is 0, and a note says so; libbpf knows it.',
  wrapper:
    '`LINUX_HAS_SYSCALL_WRAPPER` libbpf finds by placing a kprobe, which the recorder cannot do; here it is 1, as on x86-64, arm64 and s390.',
}

const STRUCT_OPS_MAP = 26
const STRUCT_OPS_PROGRAM = 27
const WRAPPER = 'LINUX_HAS_SYSCALL_WRAPPER'
const LD_IMM64 = '18'

type Program = NonNullable<Recorded['programs']>[number] & {
  insns: string
  attachType: number
  references: { insn: number; kind: string; name?: string }[]
}
type Map = NonNullable<Recorded['maps']>[number] & { initial: { value?: string }[] }

/** A record without all that, and our spec alike. */
export function withoutLater(
  spec: CollectionSpec,
  record: Recorded,
  { platform }: Knowledge,
): { readonly spec: CollectionSpec; readonly record: Recorded } {
  const programs = (record.programs ?? []) as readonly Program[]
  return {
    spec: {
      ...spec,
      programs: spec.programs.filter(({ name }) => !record.left?.includes(name)).map(withoutAddresses),
    },
    record: {
      ...record,
      maps: ((record.maps ?? []) as readonly Map[])
        .filter((map) => map.type !== STRUCT_OPS_MAP)
        .map((map) => withWrapper(map, spec)),
      programs: programs.map((program) => {
        const ours = spec.programs.find(({ name }) => name === program.name)
        const insns = ours ? addressesZeroed(program.insns, ours) : program.insns
        return { ...program, insns, ...withoutTypes(program, platform) }
      }),
    },
  }
}

const withoutTypes = ({ type }: Program, platform: Platform): Partial<Program> => {
  if (!platform.programTypes.byId(type)) return { type: 0 }
  return type === STRUCT_OPS_PROGRAM ? { attachType: 0 } : {}
}

/** An ld_imm64 that a symbol's address will be in, not a BTF id. */
const isAddress = ({ insns }: ProgramSpec, { kind, insn }: { kind: string; insn: number }): boolean =>
  kind === 'ksym' && insns[insn * 8 + 1]! >> 4 === 0

const withoutAddresses = (program: ProgramSpec): ProgramSpec => ({
  ...program,
  references: program.references.filter((one) => !isAddress(program, one)),
})

function addressesZeroed(insns: string, ours: ProgramSpec): string {
  let text = insns
  for (const one of ours.references) {
    const at = one.insn * 16
    if (!isAddress(ours, one) || text.slice(at, at + 2) !== LD_IMM64) continue
    text = `${text.slice(0, at + 8)}00000000${text.slice(at + 16, at + 24)}00000000${text.slice(at + 32)}`
  }
  return text
}

/** The variable's bytes as they are here. */
function withWrapper(map: Map, spec: CollectionSpec): Map {
  const variable = spec.variables.find(({ name }) => name === WRAPPER)
  const first = map.initial[0]
  if (map.name !== '.kconfig' || !variable || first?.value === undefined) return map
  const { offset, size } = variable
  const one = `01${'00'.repeat(size - 1)}`
  const value = first.value.slice(0, offset * 2) + one + first.value.slice((offset + size) * 2)
  return { ...map, initial: [{ ...first, value }] }
}
