import { type BtfExt, type BtfLineInfo, parseBtf, parseBtfExt } from '@skep/btf'
import { type CodeSymbol, decode, formatKernel, formatLlvm, formatMnemonic, type Insn } from '@skep/isa'
import { type ElfObject, type ElfSection, isCode, readElf, STT } from '@skep/loader-elf'
import { Command, Option } from 'commander'
import { about, readInput } from '../input.ts'
import { print, printJson, toHex } from '../output.ts'
import { UsageError } from '../report.ts'

type Syntax = 'llvm' | 'kernel' | 'mnemonic'

interface Options {
  readonly source?: boolean
  readonly syntax: Syntax
  readonly mcpu: 'generic' | 'v3'
  readonly section?: string
  readonly json?: boolean
}

interface Line {
  /** Slot in the section. */
  readonly insn: number
  readonly bytes: string
  readonly text: string
}

interface SectionListing {
  readonly section: string
  readonly symbols: readonly CodeSymbol[]
  readonly lines: readonly Line[]
}

/** `skep disasm FILE`: what `llvm-objdump -d` prints, and the kernel's or the mnemonic syntax. */
export function disasmCommand(): Command {
  return new Command('disasm')
    .description('print the instructions of an object')
    .argument('<file>', 'object file')
    .option('-S, --source', 'with the C source lines of BTF.ext')
    .option('--section <name>', 'only this section')
    .addOption(new Option('--syntax <name>').choices(['llvm', 'kernel', 'mnemonic']).default('llvm'))
    .addOption(
      new Option('--mcpu <cpu>', 'as llvm-objdump: v3 writes w registers')
        .choices(['generic', 'v3'])
        .default('generic'),
    )
    .option('--json', 'answer with JSON')
    .addHelpText('after', '\nExample:\n  skep disasm -S firewall.o')
    .action(async (file: string, options: Options) => {
      const elf = parse(file, await readInput(file))
      const sections = elf.sections
        .filter(isCode)
        .filter((s) => !options.section || s.name === options.section)
      if (options.section && sections.length === 0) {
        const known = elf.sections.filter(isCode).map((s) => s.name)
        throw new UsageError(
          `${file}: no code in section ${options.section}; there is code in: ${known.join(', ')}`,
        )
      }
      const listings = sections.map((section) => list(elf, section, options))
      if (options.json) {
        printJson(listings)
        return
      }
      const ext = options.source ? sourceLines(elf) : undefined
      print(`\n${file}:\tfile format elf64-bpf`)
      for (const listing of listings) printListing(listing, ext?.lines.get(listing.section) ?? [])
    })
}

function parse(file: string, bytes: Uint8Array): ElfObject {
  try {
    return readElf(bytes)
  } catch (error) {
    throw about(file, error)
  }
}

function list(elf: ElfObject, section: ElfSection, options: Options): SectionListing {
  // Calls and references are not linked yet, so their targets mean nothing.
  const insns = decode(section.data, { checkTargets: false })
  const symbols = elf.symbols
    .filter(
      (s) => s.section === section.index && (s.type === STT.FUNC || s.type === STT.NOTYPE) && s.name !== '',
    )
    .map((s) => ({ name: s.name, offset: s.value }))
  const texts = format(insns, symbols, section.name, options)
  const lines: Line[] = []
  for (const [insn, text] of texts.entries()) {
    if (insns[insn]!.def.name === 'ld_imm64_hi') continue
    const wide = insns[insn]!.def.name === 'ld_imm64'
    lines.push({ insn, bytes: toHex(section.data.subarray(insn * 8, insn * 8 + (wide ? 16 : 8))), text })
  }
  return { section: section.name, symbols, lines }
}

function format(
  insns: readonly Insn[],
  symbols: readonly CodeSymbol[],
  section: string,
  options: Options,
): string[] {
  switch (options.syntax) {
    case 'llvm':
      return formatLlvm(insns, { symbols, section, cpu: options.mcpu })
    case 'kernel':
      return insns.map((insn) => formatKernel(insn))
    case 'mnemonic':
      return insns.map((insn) => (insn.def.name === 'ld_imm64_hi' ? '' : formatMnemonic(insn)))
  }
}

function sourceLines(elf: ElfObject): BtfExt | undefined {
  const btf = elf.section('.BTF')
  const ext = elf.section('.BTF.ext')
  return btf && ext ? parseBtfExt(ext.data, parseBtf(btf.data)) : undefined
}

const spaced = (hex: string): string => hex.replace(/..(?!$)/g, '$& ')

function printListing(listing: SectionListing, source: readonly BtfLineInfo[]): void {
  print(`\nDisassembly of section ${listing.section}:`)
  const labels = new Map<number, string>()
  for (const s of listing.symbols) labels.set(s.offset / 8, s.name)
  const sourceAt = new Map(source.map((l) => [l.offset / 8, l.text.trim()]))
  let lastLine: string | undefined
  for (const { insn, bytes, text } of listing.lines) {
    const label = labels.get(insn)
    if (label !== undefined) print(`\n${(insn * 8).toString(16).padStart(16, '0')} <${label}>:`)
    const line = sourceAt.get(insn)
    if (line && line !== lastLine) print(`; ${line}`)
    if (line) lastLine = line
    print(`${String(insn).padStart(8)}:\t${spaced(bytes)}\t${text}`)
  }
}
