import { helpersPlugin } from '@skep/helpers'
import { kprobePlugin } from '@skep/hook-kprobe'
import { socketPlugin } from '@skep/hook-socket'
import { tcPlugin } from '@skep/hook-tc'
import { xdpPlugin } from '@skep/hook-xdp'
import { jit } from '@skep/jit-wasm'
import { builtinMapTypes } from '@skep/maps'
import { defineEngine, definePlugin, type PluginDef } from '@skep/registry'

const mapsPlugin = definePlugin({ name: 'maps', mapTypes: builtinMapTypes })
/** The engine of @skep/vm-interpreter, which is loaded by the first who runs programs on it. */
const interpreter = defineEngine({
  name: 'interpreter',
  checked: true,
  create: async (cpu) => (await import('@skep/vm-interpreter')).interpreterEngine.create(cpu),
})
const enginesPlugin = definePlugin({ name: 'engines', engines: [jit, interpreter] })

/** What running programs takes of the default preset: all but the loaders. */
export const workerPreset: readonly PluginDef[] = Object.freeze([
  helpersPlugin,
  mapsPlugin,
  xdpPlugin,
  socketPlugin,
  tcPlugin,
  kprobePlugin,
  enginesPlugin,
])
