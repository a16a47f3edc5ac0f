import { readdirSync, readFileSync } from 'node:fs'
import type { Row } from '@skep/registry'
import { type Case, rowOf } from '../case.ts'

/** A program of a page. */
export interface PageProgram {
  /** `CODE.refused.1`; objects of C programs have this name. */
  readonly name: string
  readonly language: 'bpf' | 'c'
  readonly text: string
  readonly refused: boolean
  /** What follows the language in the page: `type=xdp unprivileged`. */
  readonly options: Readonly<Record<string, string>>
  /** The decisive line and the errno that the page shows. */
  readonly line: string | undefined
  readonly errno: string | undefined
}

export interface Page {
  readonly code: string
  readonly text: string
  readonly programs: readonly PageProgram[]
}

const PAGES = new URL('../../../../docs/reference/refusals/', import.meta.url)

/** All pages but the index, by name. */
export function readPages(): readonly Page[] {
  return readdirSync(PAGES)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .sort()
    .map((name) => parsePage(name.slice(0, -3), readFileSync(new URL(name, PAGES), 'utf8')))
}

function parsePage(code: string, text: string): Page {
  const programs: PageProgram[] = []
  for (const [, section, body] of text.matchAll(/^## (Refused|Accepted)\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm)) {
    const refused = section === 'Refused'
    const blocks = [...body!.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)]
    blocks.forEach(([, language, info, source], i) => {
      if (language !== 'bpf' && language !== 'c') return
      const log = blocks[i + 1]?.[1] === 'log' ? blocks[i + 1]![3]! : undefined
      const [, line, errno] = /^(.*) \[(\w+)\]$/m.exec(log ?? '') ?? []
      const number = programs.filter((p) => p.refused === refused).length + 1
      programs.push({
        name: `${code}.${refused ? 'refused' : 'accepted'}.${number}`,
        language,
        text: source!,
        refused,
        options: Object.fromEntries(
          info!.split(' ').flatMap((word) => {
            const [key, value] = word.split('=')
            return key ? [[key, value ?? '']] : []
          }),
        ),
        line,
        errno,
      })
    })
  }
  return { code, text, programs }
}

const MARK = 0x5eef0000
const MARKED = 'b4090000'

/** A program in assembly as a row. `.rept N` … `.endr` repeats lines, `.8byte` is an instruction by its bytes. */
export function pageRow({ name, text, options }: PageProgram): Row {
  const slots: bigint[] = []
  const asm = text
    .replace(/^\.rept (\d+)\n([\s\S]*?)^\.endr$/gm, (_, times, lines) => lines.repeat(Number(times)))
    .replace(/^\.8byte (0x[0-9a-f]+)$/gm, (_, value) => `w9 = ${MARK + slots.push(BigInt(value)) - 1}`)
  const { type, attach, to, license, flags } = options
  const test: Case = {
    name,
    asm,
    ...(type === undefined ? {} : { type }),
    ...(attach === undefined ? {} : { attach }),
    ...(to === undefined ? {} : { to }),
    ...(license === undefined ? {} : { license }),
    ...(flags === undefined ? {} : { flags: Number(flags) }),
    ...(options['unprivileged'] === undefined ? {} : { unprivileged: true }),
  }
  const row = rowOf(test)
  const insns = row.insns.replace(/.{16}/g, (slot) => {
    const number = Buffer.from(slot, 'hex').readInt32LE(4) - MARK
    if (!slot.startsWith(MARKED) || slots[number] === undefined) return slot
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(slots[number])
    return bytes.toString('hex')
  })
  return { ...row, insns }
}
