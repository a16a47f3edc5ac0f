import { access, readFile } from 'node:fs/promises'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type CryptoProvider,
  createDefaultPlatform,
  createRuntime,
  parseObject,
  type Runtime,
} from '../src/index.ts'
import { createNodeCrypto } from '../src/node.ts'
import { engines, failure } from './hostile-tools.ts'

// bpf_crypto_*: a cipher that one program makes and another uses, with Node's AES here and the kernel's there.

const kernelBtf = await access('/sys/kernel/btf/vmlinux').then(
  () => readFile('/sys/kernel/btf/vmlinux'),
  () => undefined,
)
const available = await isKernelAvailable()
const object = parseObject(
  new Uint8Array(await readFile(new URL('../testdata/crypto.o', import.meta.url))),
  createDefaultPlatform(),
)
const bss = object.maps.find((map) => map.name.endsWith('.bss'))!
const at = (name: string): number => object.variables.find((variable) => variable.name === name)!.offset
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

interface Setting {
  readonly type?: string
  readonly algo?: string
  readonly keyLength?: number
  readonly authsize?: number
  readonly size?: number
  readonly room?: number
  readonly iv?: number
}

function globals(setting: Setting): Uint8Array {
  const { type = 'skcipher', algo = 'ecb(aes)', keyLength = 16, authsize = 0 } = setting
  const { size = 64, room = 64, iv = 0 } = setting
  const bytes = new Uint8Array(bss.valueSize)
  const view = new DataView(bytes.buffer)
  bytes.set(utf8(type), at('params'))
  bytes.set(utf8(algo), at('params') + 16)
  for (let n = 0; n < 32; n++) bytes[at('params') + 144 + n] = 7 * n + 1
  for (let n = 0; n < 64; n++) bytes[at('plain') + n] = 3 * n
  for (let n = 0; n < 16; n++) bytes[at('iv') + n] = bytes[at('iv_again') + n] = 200 - n
  view.setUint32(at('params') + 400, keyLength, true)
  view.setUint32(at('params') + 404, authsize, true)
  const numbers = { size, room, iv_size: iv }
  for (const [name, number] of Object.entries(numbers)) view.setUint32(at(name), number, true)
  return bytes
}

const cases: readonly (readonly [string, Setting])[] = [
  ['AES-128 in single blocks', {}],
  ['AES-192', { keyLength: 24 }],
  ['AES-256', { keyLength: 32 }],
  ['chained blocks', { algo: 'cbc(aes)', iv: 16 }],
  ['chained blocks of two', { algo: 'cbc(aes)', iv: 16, size: 32 }],
  ['no vector where one is needed', { algo: 'cbc(aes)' }],
  ['a vector where none is', { iv: 16 }],
  ['half a block', { size: 24 }],
  ['less room than text', { room: 48 }],
  ['more room than text', { size: 32 }],
  ['nothing', { size: 0 }],
  ['no room', { room: 0 }],
  ['a key of 17 bytes', { keyLength: 17 }],
  ['a key of no bytes', { keyLength: 0 }],
  ['a key of too many bytes', { keyLength: 300 }],
  ['no such cipher', { algo: 'ecb(nothing)' }],
  ['no such type', { type: 'aead' }],
  ['an authentication tag', { authsize: 8 }],
]
const zero = new Uint8Array(4)
const data = new Uint8Array(64)

describe.skipIf(!kernelBtf)('ciphers (skipped where there is no /sys/kernel/btf/vmlinux)', () => {
  it.each(engines)('are refused by name without a provider: %s', async (engine) => {
    using runtime = await createRuntime({ engine, kernelBtf: kernelBtf! })
    expect(await failure(runtime.load(object))).toMatchObject({
      code: 'ABSENT',
      message: expect.stringMatching(/bpf_crypto_\w+.*createRuntime\(\{ providers: \{ crypto \} \}\)/),
    })
  })

  const runtimes: Record<string, Runtime> = {}
  beforeAll(async () => {
    const providers = { crypto: createNodeCrypto() }
    for (const engine of engines)
      runtimes[engine] = await createRuntime({ engine, kernelBtf: kernelBtf!, providers })
  })
  afterAll(() => {
    for (const runtime of Object.values(runtimes)) runtime.close()
  })

  it.skipIf(!available.ok).each(cases)('give what the kernel gives: %s', async (_, setting) => {
    const given = globals(setting)
    const kernel = await openKernel()
    const there = loadCollection(kernel, object)
    const [make, crypt] = ['make', 'crypt'].map((name) => {
      const program = there.programs.get(name)!
      if (!program.ok) throw new Error(program.log)
      return program
    })
    there.maps.get(bss.name)!.update(zero, given)
    const theirs = [make!.testRun({}).retval, crypt!.testRun({ dataIn: data }).retval]
    const memory = Buffer.from(there.maps.get(bss.name)!.lookup(zero)!).toString('hex')
    there.close()
    kernel.close()

    for (const engine of engines) {
      using here = await runtimes[engine]!.load(object)
      here.map(bss.name).update(zero, given)
      const ours = ['make', 'crypt'].map(
        (name) => here.program(name).testRun({ data: name === 'make' ? new Uint8Array(0) : data }).retval,
      )
      expect(ours, engine).toEqual(theirs)
      expect(Buffer.from(here.map(bss.name).lookup(zero)!).toString('hex'), engine).toBe(memory)
    }
  })

  it.each(engines)('end with what holds them: %s', async (engine) => {
    const node = createNodeCrypto()
    let open = 0
    const crypto: CryptoProvider = {
      find: (name) => {
        const make = node.find(name)
        return (
          make &&
          ((key) => {
            const cipher = make(key)
            if (!cipher) return undefined
            open++
            const { ivSize, blockSize } = cipher
            return {
              ivSize,
              blockSize,
              encrypt: (bytes, iv) => cipher.encrypt(bytes, iv),
              decrypt: (bytes, iv) => cipher.decrypt(bytes, iv),
              close: () => void open--,
            }
          })
        )
      },
    }
    using runtime = await createRuntime({ engine, kernelBtf: kernelBtf!, providers: { crypto } })
    const { arena } = runtime
    const here = await runtime.load(object)
    here.map(bss.name).update(zero, globals({}))
    const make = (): number => here.program('make').testRun({ data: new Uint8Array(0) }).retval
    expect([make(), open]).toEqual([1, 1])
    const blocks = arena.count
    // Another takes its place, as the program releases the one that was there.
    expect([make(), open, arena.count]).toEqual([1, 1, blocks])
    here.map('ciphers').update(zero, new Uint8Array(8))
    expect([open, here.program('crypt').testRun({ data }).retval]).toEqual([0, 2])
    expect(arena.count).toBe(blocks - 1)
    expect([make(), open]).toEqual([1, 1])
    here.close()
    expect(open).toBe(0)
  })
})
