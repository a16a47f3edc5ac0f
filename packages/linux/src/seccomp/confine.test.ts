import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allBut, missing } from '../../test/confined.ts'
import { confine } from '../index.ts'

// Never this process: a child of the test confines itself.
const path = (url: string): string => fileURLToPath(new URL(url, import.meta.url))
/** Where `koffi` is found from. */
const directory = path('../../node_modules/.confined-process')
const file = join(tmpdir(), `skep-confined-${process.pid}`)

async function run(order: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(directory, 'confined-process.mjs'),
    file,
    order,
  ])
  return JSON.parse(stdout)
}

describe.skipIf(missing)(`confine${missing ? ` (skipped: ${missing})` : ''}`, () => {
  beforeAll(() =>
    build({
      entryPoints: [path('../../test/confined-process.ts')],
      outfile: join(directory, 'confined-process.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      conditions: ['source'],
      external: ['koffi'],
      logLevel: 'error',
    }),
  )
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('confines the main thread, the thread pool and later workers alike', async () => {
    const denied = { main: 'EACCES', pool: Array(8).fill('EACCES') }
    // The first worker makes the folder, before the filter is there.
    expect(await run('all')).toEqual({ ...denied, worker: denied })
    expect(existsSync(file)).toBe(true)
    rmSync(file, { recursive: true })
  })

  it('confines a worker alone', async () => {
    expect(await run('this')).toEqual({ worker: 'EACCES', main: 'EEXIST' })
    rmSync(file, { recursive: true, force: true })
  })

  it('takes no thing that is no filter', async () => {
    await expect(confine([])).rejects.toMatchObject({ code: 'KERNEL_ARGUMENT', argument: 'filter' })
    const bad = allBut().map((insn) => ({ ...insn, code: 0x94 }))
    await expect(confine(bad)).rejects.toMatchObject({ code: 'KERNEL_ARGUMENT' })
  })
})
