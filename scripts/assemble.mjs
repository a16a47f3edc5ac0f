// Compiles a package's assembly/index.ts (AssemblyScript) to src/generated/module.ts: two wasm modules, for unshared
// and for shared memory, as base64, so that bundles need no file or fetch.
// usage (in a package): node ../../scripts/assemble.mjs
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'

const entry = 'assembly/index.ts'
const common = [
  entry,
  '--runtime',
  'stub',
  '--importMemory',
  '--importTable',
  '-O3',
  '--noAssert',
  '--enable',
  'simd,bulk-memory,sign-extension,nontrapping-f2i,mutable-globals,tail-calls',
  '--use',
  'abort=',
]

/** Whether a module has a data section (id 11), by its section headers: an id, then a length in LEB128. */
function hasData(module) {
  for (let at = 8; at < module.length; ) {
    if (module[at++] === 11) return true
    let length = 0
    for (let shift = 0, more = true; more; shift += 7) {
      length |= (module[at] & 0x7f) << shift
      more = module[at++] >= 0x80
    }
    at += length
  }
  return false
}

async function compile(shared) {
  const flags = shared
    ? ['--sharedMemory', '--maximumMemory', '65536', '--initialMemory', '1', '--enable', 'threads']
    : ['--initialMemory', '1']
  const files = new Map()
  const { error, stderr } = await asc.main(
    [...common, ...flags, '--use', `SHARED=${shared ? 1 : 0}`, '--outFile', 'out.wasm'],
    {
      writeFile: (name, contents) => void files.set(basename(name), contents),
    },
  )
  if (error) {
    process.stderr.write(stderr.toString())
    process.exit(1)
  }
  // Every module shares one memory with the others, so none may place data of its own in it.
  const module = files.get('out.wasm')
  if (hasData(module)) {
    console.error(
      `${process.cwd()}/${entry}: the module has a data segment; use no strings, static arrays or managed objects`,
    )
    process.exit(1)
  }
  return Buffer.from(module).toString('base64')
}

mkdirSync('src/generated', { recursive: true })
const [unshared, shared] = [await compile(false), await compile(true)]
// Written aside and renamed, so that nothing reads half of it.
const aside = `src/generated/module.ts.${process.pid}`
writeFileSync(
  aside,
  `// Made by scripts/assemble.mjs from ${entry}.
export const unshared: string =
  '${unshared}'
export const shared: string =
  '${shared}'
`,
)
renameSync(aside, 'src/generated/module.ts')
