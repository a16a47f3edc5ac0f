import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

// Writes the same path again and again, each time all bytes of a file one higher: `writer.js FOLDER BYTES ROUNDS [FATAL]`.
// With FATAL it kills itself at that call of a function of the file system, in the middle of it where it is a write.
const [folder, bytes, rounds, fatal] = process.argv.slice(2) as [string, string, string, string?]
let calls = 0
type Any = (...args: never[]) => unknown
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}
if (fatal !== undefined) {
  const table = fs as unknown as Record<string, Any>
  for (const name of [
    'openSync',
    'writeSync',
    'fsyncSync',
    'closeSync',
    'renameSync',
    'statSync',
    'readdirSync',
  ]) {
    const real = table[name]!
    table[name] = (...args: never[]) => {
      if (++calls !== Number(fatal)) return real(...args)
      if (name === 'writeSync') {
        const [fd, data] = args as unknown as [number, Uint8Array]
        ;(real as unknown as typeof fs.writeSync)(fd, data, 0, data.length >> 1)
      }
      return die()
    }
  }
  syncBuiltinESMExports()
}

const { createPinFolder } = await import('../../src/pin-folder.ts')
const { encodePin } = await import('../../src/pin-file.ts')
const store = createPinFolder(folder)
const size = Number(bytes)
const definition = { name: 'm', type: 'array', keySize: 0, valueSize: size, maxEntries: 1 }
for (let round = 2; round < 2 + Number(rounds); round++) {
  const contents = { keyBytes: 0, valueBytes: size, bytes: new Uint8Array(size).fill(round) }
  await store.set(
    'a/m',
    encodePin({ definition: { ...definition, flags: 0, mapExtra: 0, cpus: 1, frozen: false }, contents }),
  )
  process.stdout.write('.')
}
process.stdout.write(`${calls}`)
