import { helpersPlugin } from '@skep/helpers'
import { kprobePlugin } from '@skep/hook-kprobe'
import { socketPlugin } from '@skep/hook-socket'
import { tcPlugin } from '@skep/hook-tc'
import { xdpPlugin } from '@skep/hook-xdp'
import { jit } from '@skep/jit-wasm'
import { builtinMapTypes } from '@skep/maps'
import { definePlugin, type PluginDef } from '@skep/registry'
import { interpreterEngine } from '@skep/vm-interpreter'

const mapsPlugin = definePlugin({ name: 'maps', mapTypes: builtinMapTypes })
const enginesPlugin = definePlugin({ name: 'engines', engines: [jit, interpreterEngine] })

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
