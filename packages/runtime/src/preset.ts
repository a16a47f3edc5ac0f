import { helpersPlugin } from '@skep/helpers'
import { kprobePlugin } from '@skep/hook-kprobe'
import { socketPlugin } from '@skep/hook-socket'
import { tcPlugin } from '@skep/hook-tc'
import { xdpPlugin } from '@skep/hook-xdp'
import { jit } from '@skep/jit-wasm'
import { cbpfLoader } from '@skep/loader-cbpf'
import { elfLoader } from '@skep/loader-elf'
import { builtinMapTypes } from '@skep/maps'
import { definePlugin, type PluginDef } from '@skep/registry'
import { interpreterEngine } from '@skep/vm-interpreter'

const mapsPlugin = definePlugin({ name: 'maps', mapTypes: builtinMapTypes })
const enginesPlugin = definePlugin({ name: 'engines', engines: [jit, interpreterEngine] })
const loadersPlugin = definePlugin({ name: 'loaders', loaders: [elfLoader, cbpfLoader] })

/** Everything that Skep brings: what `createRuntime` composes when the host says nothing else. */
export const defaultPreset: readonly PluginDef[] = Object.freeze([
  helpersPlugin,
  mapsPlugin,
  xdpPlugin,
  socketPlugin,
  tcPlugin,
  kprobePlugin,
  loadersPlugin,
  enginesPlugin,
])
