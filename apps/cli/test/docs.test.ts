import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { skep, testdata } from './run-skep.ts'

// The commands of the guide print what the page shows, standard error behind standard output.

const page = readFileSync(new URL('../../../docs/guide/command-line.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```sh\n(skep .*)\n```\n\n```text\n([\s\S]*?)^```/gm)]

describe('docs/guide/command-line.md', () => {
  it('has examples', () => expect(examples.length).toBeGreaterThan(2))

  it.each(examples.map((e) => [e[1]!, e[2]!]))('%s', (command, prints) => {
    const words = command.split(' ').slice(1)
    const { stdout, stderr } = skep(words.map((w) => (/\.(o|pcap)$/.test(w) ? testdata(w) : w)))
    expect(stdout + stderr).toBe(prints)
  })
})
