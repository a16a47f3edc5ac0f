import { createPlatform } from '@skep/registry'
import { interpreterEngine } from '@skep/vm-interpreter'
import { expect, it } from 'vitest'
import { workerPreset } from './worker-preset.ts'

it("the preset's interpreter says of itself what the engine says", () => {
  const { name, checked } = createPlatform(workerPreset).engines.byName('interpreter')!
  expect({ name, checked }).toEqual({ name: interpreterEngine.name, checked: interpreterEngine.checked })
})
