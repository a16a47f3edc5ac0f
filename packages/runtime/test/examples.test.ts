import { readFileSync, writeFileSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { isKernelAvailable, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { exampleFile, exampleHere, exampleSpec, exampleThere, needsKernelBtf } from './example-sides.ts'
import { examples } from './examples.ts'
import { engines } from './hostile-tools.ts'
import { folder } from './reference.ts'

// Every example from load to output: on both engines, in the kernel, and as the page of examples shows it.

const available = await isKernelAvailable()
const kernel = available.ok ? await openKernel() : undefined
// An LRU hash has lists for each CPU.
kernel?.pin(0)
const VMLINUX = '/sys/kernel/btf/vmlinux'
const kernelBtf = await access(VMLINUX).then(
  () => readFileSync(VMLINUX),
  () => undefined,
)

/** What examples printed, by name. */
const printed = new Map<string, readonly string[]>()

describe.each(examples)('example $name', (example) => {
  const spec = exampleSpec(example.name, example.globals)
  const types = needsKernelBtf(spec) ? kernelBtf : undefined

  it.skipIf(needsKernelBtf(spec) && !kernelBtf)(
    'gives the same on both engines and in the kernel',
    async () => {
      const outputs: (readonly string[])[] = []
      for (const engine of engines) {
        const side = await exampleHere(spec, engine, types)
        outputs.push(await example.drive(side))
        side.close()
      }
      expect(outputs[1]).toEqual(outputs[0])
      expect(outputs[0]!.length).toBeGreaterThan(0)
      printed.set(example.name, outputs[0]!)
      if (!kernel) return
      const side = exampleThere(kernel, spec)
      const theirs = await example.drive(side)
      side.close()
      if (!example.kernelLacks) expect(theirs).toEqual(outputs[0])
    },
  )
})

const PAGE = 'examples.md'

const section = ({ name, title, shows, use, kernelLacks }: (typeof examples)[number]): string => {
  const source = `../../packages/runtime/testdata/examples/${name}.bpf.c`
  const compared = kernelLacks ? `\nNot compared with the kernel: ${kernelLacks}.\n` : ''
  return `## ${title}

[\`${name}.bpf.c\`](${source}): ${shows}. ${use}
${compared}
\`\`\`text
${printed.get(name)!.join('\n')}
\`\`\`
`
}

it.skipIf(!kernelBtf)(`docs/reference/${PAGE} shows what examples print (node scripts/reference.mjs)`, () => {
  const page = `# Examples

Made by \`node scripts/reference.mjs\` from the table that a test drives (\`packages/runtime/test/examples.ts\`); do not edit.

Small programs of the kinds that come with libbpf and the kernel, our own, with what each prints when the test has driven it:
loaded from the object that clang made, run over packets, maps read. The output is the same with the JIT, with the interpreter,
and, where nothing else is said, in Linux 6.18 on several CPUs.

${examples.map(section).join('\n')}`
  const file = join(folder, PAGE)
  if (process.env['SKEP_WRITE']) writeFileSync(file, page)
  expect(readFileSync(file, 'utf8')).toBe(page)
  for (const { name } of examples)
    expect(readFileSync(exampleFile(`${name}.bpf.c`), 'utf8')).toMatch(/^\/\/ SPDX/)
})
