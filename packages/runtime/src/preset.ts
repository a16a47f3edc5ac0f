import { cbpfLoader } from '@skep/loader-cbpf'
import { elfLoader } from '@skep/loader-elf'
import { definePlugin, type PluginDef } from '@skep/registry'
import { workerPreset } from './worker-preset.ts'

const loadersPlugin = definePlugin({ name: 'loaders', loaders: [elfLoader, cbpfLoader] })

/** Everything that Skep brings: what `createRuntime` composes when the host says nothing else. */
export const defaultPreset: readonly PluginDef[] = Object.freeze([...workerPreset, loadersPlugin])
