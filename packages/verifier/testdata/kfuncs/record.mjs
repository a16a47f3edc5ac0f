// Writes recorded.jsonl: what the running kernel, Linux 6.18, says of each program of the objects beside this script.
// usage: node record.mjs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { loadSources } from '../../../../scripts/kernel/jsonl.mjs'

const here = new URL('.', import.meta.url)
const { decisiveLine, openKernel, parseElf, platform, prepareCollection, processedInsns } = await loadSources(
  `export { decisiveLine, openKernel, prepareCollection, processedInsns } from '@skep/linux'
  export { parseElf } from '@skep/loader-elf'
  export { platform } from './test/platform.ts'`,
  new URL('../..', here).pathname,
)

const kernelBtf = readFileSync('/sys/kernel/btf/vmlinux')
const kernel = await openKernel()
if (!kernel.release.startsWith('6.18.')) throw new Error(`Linux 6.18 is to be recorded, and this is ${kernel.release}`)
const lines = []
for (const object of readdirSync(here).filter((name) => name.endsWith('.o'))) {
  const spec = parseElf(readFileSync(new URL(object, here)), { platform, kernelBtf })
  const prepared = prepareCollection(kernel, spec)
  for (const program of spec.programs) {
    const loaded = prepared.load(program)
    if (loaded.beforeKernel) throw new Error(`${object} ${program.name}: ${loaded.log}`)
    const processed = processedInsns(loaded.log)
    const verdict = loaded.ok
      ? { verdict: 'accept', processed }
      : { verdict: 'reject', errno: loaded.errno, line: decisiveLine(loaded.log), processed }
    lines.push(JSON.stringify({ object, program: program.name, ...verdict }))
    if (loaded.ok) loaded.close()
  }
  prepared.close()
}
writeFileSync(new URL('recorded.jsonl', here), `${lines.join('\n')}\n`)
