import type { XdpBatchView } from '@skep/hook-xdp'
import { summarize } from '@skep/packet'
import { type Column, table } from './output.ts'

const actions = ['aborted', 'dropped', 'passed', 'sent back', 'redirected'] as const

/** Counts of XDP verdicts by protocol, gathered batch by batch. */
export class VerdictTable {
  readonly #rows = new Map<string, number[]>()
  readonly #linkType: number

  constructor(linkType: number) {
    this.#linkType = linkType
  }

  add(batch: XdpBatchView): void {
    for (let i = 0; i < batch.count; i++) {
      const protocol = summarize(batch.packet(i), this.#linkType)
      let row = this.#rows.get(protocol)
      if (!row) {
        row = actions.map(() => 0)
        this.#rows.set(protocol, row)
      }
      const verdict = batch.verdict(i)
      const action = verdict < actions.length ? verdict : 0
      row[action] = row[action]! + 1
    }
  }

  /** Packets of a protocol by enum xdp_action, counted elsewhere. */
  addCounts(protocol: string, counts: readonly number[]): void {
    const row = this.#rows.get(protocol) ?? actions.map(() => 0)
    this.#rows.set(protocol, row)
    for (const [action, packets] of counts.entries()) {
      const known = action < actions.length ? action : 0
      row[known] = row[known]! + packets
    }
  }

  toJSON(): object[] {
    return [...this.#rows].map(([protocol, counts]) => ({
      protocol,
      ...Object.fromEntries(actions.map((name, i) => [name, counts[i]])),
    }))
  }

  /** Columns of verdicts that never happened are left out. */
  toString(): string {
    const rows = [...this.#rows].sort((a, b) => sum(b[1]) - sum(a[1]))
    const totals = actions.map((_, i) => rows.reduce((n, [, counts]) => n + counts[i]!, 0))
    const used = actions.map((_, i) => i).filter((i) => totals[i]! > 0)
    const columns: Column[] = [
      { name: 'protocol' },
      { name: 'packets', align: 'right' },
      ...used.map((i): Column => ({ name: actions[i]!, align: 'right' })),
    ]
    const line = (name: string, counts: readonly number[]): (string | number)[] => [
      name,
      sum(counts),
      ...used.map((i) => counts[i]!),
    ]
    return table(columns, [...rows.map(([name, counts]) => line(name, counts)), line('all', totals)])
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
