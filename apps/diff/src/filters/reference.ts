import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestCapture } from './captures.ts'

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '../../reference/filters.c')
/** From dist/, where the program is bundled. */
const BUNDLED_SOURCE = join(dirname(fileURLToPath(import.meta.url)), '../reference/filters.c')

/** A filter for one of the captures. */
export interface Question {
  /** Its place in the list of captures. */
  readonly capture: number
  readonly expression: string
}

/** What libpcap says. */
export type Answer =
  | { readonly refused: string; readonly accepted?: never }
  | {
      readonly refused?: never
      readonly insns: number
      readonly accepted: readonly boolean[]
      /** The code reads memory that it has not written: what it accepts depends on what lies there. */
      readonly unsure: boolean
    }

/** libpcap's answers, from a program of our own that is compiled and linked with it. */
export class Reference {
  readonly #directory: string
  readonly #program: string

  private constructor(directory: string) {
    this.#directory = directory
    this.#program = join(directory, 'filters')
  }

  /** Compiles the program; a string says why that is not possible. */
  static build(): Reference | string {
    const directory = mkdtempSync(join(tmpdir(), 'skep-filters-'))
    const reference = new Reference(directory)
    const failures: string[] = []
    for (const source of [SOURCE, BUNDLED_SOURCE]) {
      const { status, error, stderr } = spawnSync('cc', ['-O2', '-o', reference.#program, source, '-lpcap'], {
        encoding: 'utf8',
      })
      if (status === 0) return reference
      failures.push(error?.message ?? stderr.split('\n')[0] ?? '')
    }
    reference.close()
    return `no C compiler, or no libpcap-dev: ${failures[0]}`
  }

  version(): string {
    const { stdout, stderr } = spawnSync('tcpdump', ['--version'], { encoding: 'utf8' })
    return /libpcap version \S+/.exec(`${stdout}${stderr}`)?.[0] ?? 'libpcap'
  }

  ask(captures: readonly TestCapture[], questions: readonly Question[], optimise = true): Answer[] {
    const files = captures.map(({ name, bytes }) => {
      const file = join(this.#directory, `${name}.pcap`)
      writeFileSync(file, bytes)
      return file
    })
    const input = questions.map(({ capture, expression }) => {
      return `${capture} ${optimise ? 1 : 0} ${expression.replace(/\s+/g, ' ')}\n`
    })
    const output = execFileSync(this.#program, files, {
      input: input.join(''),
      encoding: 'latin1',
      maxBuffer: 2 ** 30,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const lines = output.split('\n').slice(0, -1)
    if (lines.length !== questions.length) {
      throw new Error(`libpcap answered ${lines.length} of ${questions.length} questions`)
    }
    return lines.map((line, at) => answerOf(line, captures[questions[at]!.capture]!.packets.length))
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function answerOf(line: string, packets: number): Answer {
  if (line.startsWith('error')) return { refused: line.slice(6) }
  const [word, insns, digits] = line.split(' ')
  const accepted = Array.from({ length: packets }, (_, at) => {
    return (Number.parseInt(digits!.charAt(at >> 2), 16) & (8 >> (at & 3))) !== 0
  })
  return { insns: Number(insns), accepted, unsure: word === 'unsure' }
}
