import { helperType, ModuleBuilder } from '@skep/wasm'
import { expect, it } from 'vitest'
import { ENTRY_MODULE } from './entry-thunk.ts'

it('the module of entry thunks is what its description says', () => {
  const module = new ModuleBuilder('interpreter-entry')
  const enter = module.importFunction('interpreter', 'enter', {
    params: ['i32', 'i32', ...helperType.params],
    results: helperType.results,
  })
  const code = module.importGlobal('interpreter', 'code', 'i32')
  const record = module.importGlobal('interpreter', 'record', 'i32')
  const { code: body } = module.function(helperType, { export: 'entry', name: 'bpf_entry' })
  body.global_get(code).global_get(record)
  for (let register = 0; register < helperType.params.length; register++) body.local_get(register)
  body.call(enter)
  expect(btoa(String.fromCharCode(...module.encode()))).toBe(ENTRY_MODULE)
})
