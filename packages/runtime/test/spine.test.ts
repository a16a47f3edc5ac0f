import { readFileSync } from 'node:fs'
import { helpersPlugin } from '@skep/helpers'
import { attachXdp, xdpPlugin } from '@skep/hook-xdp'
import { jit } from '@skep/jit-wasm'
import { parseElf } from '@skep/loader-elf'
import { builtinMapTypes } from '@skep/maps'
import { createPcapSource } from '@skep/packet'
import { definePlugin } from '@skep/registry'
import { interpreterEngine } from '@skep/vm-interpreter'
import { expect, it } from 'vitest'
import { createRuntime } from '../src/core.ts'

const td = '/work/main/apps/cli/testdata/'
it('spine', async () => {
  const rt = await createRuntime({
    plugins: [
      xdpPlugin,
      helpersPlugin,
      definePlugin({ name: 'maps', mapTypes: builtinMapTypes }),
      definePlugin({ name: 'e', engines: [jit, interpreterEngine] }),
    ],
    engine: 'interpreter',
  })
  const c = await rt.load(
    parseElf(new Uint8Array(readFileSync(td + 'pass_drop.o')), { platform: rt.platform }),
    { verify: false },
  )
  rt.on('exception', (e) => console.log(String(e)))
  const link = attachXdp(
    [...c.programs.values()][0] as never,
    await createPcapSource(new Uint8Array(readFileSync(td + 'traffic.pcap'))),
  )
  console.log(await link.done)
})
