import { HostMap } from '@skep/maps'
import { createRuntime } from '../../src/index.ts'
import { createPinFolder } from '../../src/pin-folder.ts'

// Prints what is pinned: `reader.js FOLDER PATH...`.
const [folder, ...paths] = process.argv.slice(2) as [string, ...string[]]
const runtime = await createRuntime({ pins: createPinFolder(folder) })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
for (const path of paths) {
  const map = await runtime.openPin(path)
  if (!(map instanceof HostMap)) throw new Error(`${path} is no map`)
  const entries = map.keySize === 0 ? [] : [...map].map(([key, value]) => `${hex(key)}=${hex(value)}`)
  for (let value = map.keySize === 0 ? map.pop() : undefined; value; value = map.pop())
    entries.push(hex(value))
  console.log(JSON.stringify([path, map.name, map.type, map.maxEntries, entries]))
}
runtime.close()
