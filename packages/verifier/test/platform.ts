import { helpersPlugin } from '@skep/helpers'
import { kprobePlugin } from '@skep/hook-kprobe'
import { socketPlugin } from '@skep/hook-socket'
import { tcPlugin } from '@skep/hook-tc'
import { xdpPlugin } from '@skep/hook-xdp'
import { builtinMapTypes } from '@skep/maps'
import { createPlatform, definePlugin, type Platform, type PluginDef } from '@skep/registry'

/** The tables of Linux 6.18. */
export const plugins: readonly PluginDef[] = [
  helpersPlugin,
  definePlugin({ name: 'maps', mapTypes: builtinMapTypes }),
  xdpPlugin,
  socketPlugin,
  tcPlugin,
  kprobePlugin,
]

/** What the tests of this directory verify against. */
export const platform: Platform = createPlatform(plugins)
