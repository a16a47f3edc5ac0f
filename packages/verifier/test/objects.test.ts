import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loadCollection, openKernel } from '@skep/linux'
import { parseElf } from '@skep/loader-elf'
import type { CollectionSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createVerifier } from '../src/index.ts'
import { comparable } from './comparable.ts'
import { platform } from './platform.ts'
import { noKernel } from './reference.ts'

// Compiled C with line information: its logs, source lines and all, are the running kernel's.

const FOLDERS = ['../../../apps/cli/testdata/', '../../../apps/bench/programs/', '../../loader-elf/testdata/']
/** Objects that need what their own loader gives them: another kernel's BTF, a configuration, an arena, sizes of maps. */
const NEED_MORE = /^(core\w*|kconfig|ksyms|arena|linked\w*|maps_more|exceptions)\.o$/
/** Logs of instructions that are not compared, being hundreds of megabytes. */
const HUGE = /(xorshift|strings)\.o$/

const objects = FOLDERS.flatMap((folder) => {
  const url = new URL(folder, import.meta.url)
  return readdirSync(url)
    .filter((name) => name.endsWith('.o') && !NEED_MORE.test(name))
    .map((name): readonly [string, CollectionSpec] => {
      const spec = parseElf(readFileSync(new URL(name, url)), { platform })
      return [`${folder.split('/').at(-2)}/${name}`, spec]
    })
})

describe.skipIf(noKernel)(`logs of objects${noKernel ? ` (skipped: ${noKernel})` : ''}`, async () => {
  const verifier = await createVerifier(platform, { cpus: availableParallelism() })
  it.each(objects)('%s', async (name, spec) => {
    using kernel = await openKernel()
    for (const logLevel of HUGE.test(name) ? [4] : [1, 2, 4, 6]) {
      using theirs = loadCollection(kernel, spec, { logLevel })
      for (const program of spec.programs) {
        const ours = verifier.verify({
          program,
          maps: spec.maps,
          ...(spec.btf ? { btf: spec.btf } : {}),
          logLevel,
        })
        const log = theirs.programs.get(program.name)!.log
        expect({ program: program.name, logLevel, log: comparable(ours.log()) }).toEqual({
          program: program.name,
          logLevel,
          log: comparable(log),
        })
      }
    }
  })
})
