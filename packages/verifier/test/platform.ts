import { helpersPlugin } from '@skep/helpers'
import { kprobePlugin } from '@skep/hook-kprobe'
import { socketPlugin } from '@skep/hook-socket'
import { tcPlugin } from '@skep/hook-tc'
import { xdpPlugin } from '@skep/hook-xdp'
import { builtinMapTypes } from '@skep/maps'
import { createPlatform, definePlugin, type Platform } from '@skep/registry'

/** What the tests of this directory verify against: the tables of Linux 6.18. */
export const platform: Platform = createPlatform([
  helpersPlugin,
  definePlugin({ name: 'maps', mapTypes: builtinMapTypes }),
  xdpPlugin,
  socketPlugin,
  tcPlugin,
  kprobePlugin,
])
