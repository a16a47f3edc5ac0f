import type { BtfExt } from '@skep/btf'
import { type Btf, CoreError, CoreRelocator, type CoreResolution, needsTarget, patchCore } from '@skep/btf'
import { contents, type ElfObject, type ElfSection, isCode } from './elf.ts'
import { ElfError } from './errors.ts'
import type { ElfFunction, FunctionIndex } from './functions.ts'

/** The code of sections after CO-RE: what functions are made of. */
export interface RelocatedCode {
  code(section: ElfSection): Uint8Array
  /** The relocation that failed at a slot of a section, as libbpf writes it: the instruction there is poisoned. */
  poisoned(section: ElfSection, slot: number): string | undefined
}

/**
 * Applies the CO-RE records of .BTF.ext against the kernel's types. Without `kernel` records that need it are refused.
 * Throws ElfError.
 */
export function applyCore(
  elf: ElfObject,
  functions: FunctionIndex,
  btf: Btf | undefined,
  ext: BtfExt | undefined,
  kernel: readonly Btf[] | undefined,
): RelocatedCode {
  const code = new Map<ElfSection, Uint8Array>()
  const failed = new Map<ElfSection, Map<number, string>>()
  if (btf && ext && ext.relocations.size > 0) {
    const relocator = new CoreRelocator(btf, kernel ?? [])
    for (const [name, records] of ext.relocations) {
      const section = elf.section(name)
      if (!section || !isCode(section)) continue
      const bytes = contents(section).slice()
      const view = new DataView(bytes.buffer)
      const failures = new Map<number, string>()
      const owner = ownerIn(functions, section)
      for (const record of records) {
        const slot = Math.floor(record.offset / 8)
        const fn = owner(slot)
        // Code of a weak function that another one replaced.
        if (!fn) continue
        const place = { section: name, symbol: fn.name, insn: slot - fn.start }
        if (!kernel && needsTarget(record)) {
          throw new ElfError(
            'BAD_CORE',
            `${records.length} CO-RE relocations need the kernel's types; give its BTF (/sys/kernel/btf/vmlinux) in the option kernelBtf`,
            place,
          )
        }
        const resolution = atPlace(place, () => relocator.resolve(record))
        const done = atPlace(place, () => patchCore(view, slot, resolution))
        if (!done) failures.set(slot, describe(resolution))
      }
      code.set(section, bytes)
      failed.set(section, failures)
    }
  }
  return {
    code: (section) => code.get(section) ?? contents(section),
    poisoned: (section, slot) => failed.get(section)?.get(slot),
  }
}

const describe = ({ text, sizeRefused }: CoreResolution): string =>
  sizeRefused ? `${text}: the field has another size, and only pointers and unsigned integers may` : text

function atPlace<T>(place: { section: string; symbol: string; insn: number }, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof CoreError)) throw error
    throw new ElfError('BAD_CORE', error.message, place, error)
  }
}

/** The function that a slot belongs to. */
function ownerIn(functions: FunctionIndex, section: ElfSection): (slot: number) => ElfFunction | undefined {
  const own = functions.all.filter((f) => f.section === section)
  return (slot) => {
    let from = 0
    let to = own.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (own[middle]!.start <= slot) from = middle + 1
      else to = middle
    }
    const fn = own[from - 1]
    return fn && slot < fn.start + fn.count ? fn : undefined
  }
}
