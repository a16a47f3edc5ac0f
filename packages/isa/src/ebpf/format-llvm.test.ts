import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { insn } from './build.ts'
import { decode } from './decode.ts'
import { type CodeSymbol, formatLlvm } from './format-llvm.ts'

const directory = new URL('../../testdata/llvm/', import.meta.url)
const recordings = readdirSync(directory).filter((name) => name.endsWith('.txt'))

interface Section {
  readonly name: string
  readonly bytes: Uint8Array
  readonly symbols: readonly CodeSymbol[]
  /** Slot and text. */
  readonly lines: readonly (readonly [number, string])[]
}

/** Reads back what llvm-objdump -d printed: it has the bytes, the symbols and the text. */
function sectionsOf(text: string): Section[] {
  return text
    .split('Disassembly of section ')
    .slice(1)
    .map((part) => {
      const bytes: number[] = []
      const symbols: CodeSymbol[] = []
      const lines: [number, string][] = []
      for (const line of part.split('\n')) {
        const symbol = /^([0-9a-f]{16}) <(.*)>:$/.exec(line)
        if (symbol) symbols.push({ offset: Number.parseInt(symbol[1]!, 16), name: symbol[2]! })
        const row = /^\s+(\d+):\t([0-9a-f ]+)\t(.*)$/.exec(line)
        if (!row) continue
        expect(Number(row[1]) * 8).toBe(bytes.length)
        bytes.push(...row[2]!.split(' ').map((byte) => Number.parseInt(byte, 16)))
        lines.push([Number(row[1]), row[3]!.replaceAll(/\s+/g, ' ')])
      }
      return { name: part.slice(0, part.indexOf(':')), bytes: Uint8Array.from(bytes), symbols, lines }
    })
}

describe('formatLlvm', () => {
  it('has recordings', () => {
    expect(recordings.length).toBe(14)
  })

  it.each(recordings)('writes what llvm-objdump 19 wrote in %s', (file) => {
    const sections = sectionsOf(readFileSync(new URL(file, directory), 'utf8'))
    expect(sections.length).toBeGreaterThan(0)
    for (const { name, bytes, symbols, lines } of sections) {
      const insns = decode(bytes, { checkTargets: false })
      const cpu = file.endsWith('.v3.txt') ? 'v3' : 'generic'
      const texts = formatLlvm(insns, { symbols, section: name, cpu })
      expect(lines.map(([slot]) => [slot, texts[slot]])).toEqual(lines)
      expect(texts.filter((text) => text !== '')).toHaveLength(lines.length)
    }
  })

  it('leaves places out without symbols and section', () => {
    expect(formatLlvm([insn.ja(1), insn.exit(), insn.exit()])[0]).toBe('goto +0x1')
    expect(formatLlvm([insn.ja(1), insn.exit(), insn.exit()], { section: 'xdp' })[0]).toBe(
      'goto +0x1 <xdp+0x10>',
    )
  })

  it('writes what came after LLVM 19 as later versions do', () => {
    const texts = formatLlvm([insn.load_acq_w(1, 2, -4), insn.store_rel_dw(1, 2, 8), insn.gotox(3)])
    expect(texts).toEqual([
      'w1 = load_acquire((u32 *)(r2 - 0x4))',
      'store_release((u64 *)(r1 + 0x8), r2)',
      'gotox r3',
    ])
  })
})
