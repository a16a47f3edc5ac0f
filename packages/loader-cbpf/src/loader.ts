import { defineLoader, type LoaderDef } from '@skep/registry'
import { parseCbpf } from './parse-cbpf.ts'
import { detectClassic } from './parse-classic.ts'

/** Classic programs as a loader of the platform: they become socket filters. */
export const cbpfLoader: LoaderDef = /* @__PURE__ */ defineLoader({
  name: 'cbpf',
  detect: (bytes) => detectClassic(bytes) !== undefined,
  parse: (bytes, platform) => parseCbpf(bytes, { platform }),
})
