// Compiles the C programs of docs/reference/refusals into testdata/refusals. Needs clang 19, Linux's and libbpf's headers.
// usage: node packages/verifier/test/refusals/compile.mjs
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pages = new URL('../../../../docs/reference/refusals/', import.meta.url)
const objects = new URL('../../testdata/refusals/', import.meta.url)
const arch = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch]
const clang = process.env.CLANG ?? 'clang-19'

rmSync(objects, { recursive: true, force: true })
mkdirSync(objects, { recursive: true })
/** What each object was compiled from: the tests compare it with the pages. */
const sources = {}
for (const file of readdirSync(pages)
  .filter((name) => name.endsWith('.md'))
  .sort()) {
  const text = readFileSync(new URL(file, pages), 'utf8')
  const count = { refused: 0, accepted: 0 }
  let section
  for (const [block, heading, language, , source] of text.matchAll(
    /^## (Refused|Accepted)$|^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm,
  )) {
    if (heading) section = heading.toLowerCase()
    else if (language === 'bpf' || language === 'c') {
      const name = `${file.slice(0, -3)}.${section}.${++count[section]}`
      if (language !== 'c') continue
      const object = fileURLToPath(new URL(`${name}.o`, objects))
      const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', `-I/usr/include/${arch}`, '-xc', '-c', '-']
      execFileSync(clang, [...flags, `-fdebug-compilation-dir=.`, '-o', object], {
        input: source,
        stdio: ['pipe', 'inherit', 'inherit'],
      })
      sources[name] = createHash('sha256').update(source).digest('hex')
    } else if (!block) throw new Error(file)
  }
}
writeFileSync(new URL('sources.json', objects), `${JSON.stringify(sources, null, 2)}\n`)
