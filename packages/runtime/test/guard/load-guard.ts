import { readFileSync } from 'node:fs'
import { GUARD_OPERATIONS, type GuardOperation, guardPlugin } from '@skep/hook-seccomp'
import { attachGuard, type Guard, type GuardEvent, type GuardOptions } from '@skep/hook-seccomp/node'
import { codec, createDefaultPlatform, createRuntime, parseObject, type Runtime } from '@skep/runtime'

const folder = new URL('../../../hook-seccomp/testdata/guard/', import.meta.url)
const platform = createDefaultPlatform([guardPlugin])

export const objectOf = (name: string): ReturnType<typeof parseObject> =>
  parseObject(readFileSync(new URL(`${name}.o`, folder)), platform)

export const guardRuntime = (): Promise<Runtime> => createRuntime({ plugins: [guardPlugin] })

export interface Listed {
  readonly guard: Guard
  readonly events: (GuardEvent & { readonly errno: number })[]
  /** What the program saw of the last call. */
  last(): DataView
  /** Refuses plugins an operation with minus this errno; 0 lets it go on. */
  deny(operation: GuardOperation, errno?: number): void
  close(): void
}

/** A guard of plugins alone, that refuses what it is told to. */
export async function listedGuard(options: GuardOptions = {}): Promise<Listed> {
  const runtime = await guardRuntime()
  const collection = await runtime.load(objectOf('listed'))
  const events: Listed['events'] = []
  const guard = attachGuard(collection.program('listed_only', 'guard'), {
    scope: 'plugins',
    onEvent: (event, errno) => void events.push({ ...event, errno }),
    ...options,
  })
  const verdicts = collection.map('listed', { key: codec.u32, value: codec.i32 })
  const last = collection.map('last')
  return {
    guard,
    events,
    last: () => {
      const bytes = last.lookup(new Uint8Array(4))!
      return new DataView(bytes.buffer, bytes.byteOffset)
    },
    deny: (operation, errno = 13) => verdicts.set(GUARD_OPERATIONS[operation], -errno),
    close: () => runtime.close(),
  }
}
