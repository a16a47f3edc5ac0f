// Compiles a package's assembly/index.ts (AssemblyScript) to src/generated/module.ts: two wasm modules, for unshared
// and for shared memory, as text, so that bundles need no file or fetch. A byte is a character of the same number, which
// compresses like the bytes themselves (base64 takes half as much again); of the second module there is only what differs.
// usage (in a package): node ../../scripts/assemble.mjs
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'
import { difference, literal } from './assemble/encode.mjs'

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
  return Buffer.from(module)
}

mkdirSync('src/generated', { recursive: true })
const [unshared, shared] = [await compile(false), await compile(true)]
// Written aside and renamed, so that nothing reads half of it.
const aside = `src/generated/module.ts.${process.pid}`
writeFileSync(
  aside,
  `// Made by scripts/assemble.mjs from ${entry}.
const first = ${literal(unshared)}
const changes = ${literal(difference(unshared, shared))}

function decode(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** \`changes\` is turns of new bytes (their number, then they) and old ones (where they begin, how many), numbers in LEB128. */
function change(from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const source = decode(changes)
  const result = new Uint8Array(${shared.length})
  let read = 0
  let written = 0
  const number = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = source[read++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (read < source.length) {
    const fresh = number()
    result.set(source.subarray(read, read + fresh), written)
    read += fresh
    written += fresh
    if (read >= source.length) break
    const start = number()
    const length = number()
    result.set(from.subarray(start, start + length), written)
    written += length
  }
  return result
}

/** The module for unshared or for shared memory; new bytes at each call. */
export const moduleBytes = (isShared: boolean): Uint8Array<ArrayBuffer> =>
  isShared ? change(decode(first)) : decode(first)
`,
)
renameSync(aside, 'src/generated/module.ts')
