import type { HelperDef, WasmModuleDef } from '@skep/registry'
import type { HelperProviders } from '../providers.ts'

/** Helpers that print objects of the kernel's types: exports of the module, by name. */
const printers: Readonly<Record<string, string>> = {
  bpf_snprintf_btf: 'snprintf_btf',
  bpf_seq_printf_btf: 'seq_printf_btf',
}

/** Whether a helper needs the kernel's types. */
export const needsTypes = (helper: string): boolean => printers[helper] !== undefined

/** Implementations of these, where the types are known. */
export const typeHelpersWith = (
  { types }: HelperProviders,
  module: WasmModuleDef,
): Readonly<Record<string, Pick<HelperDef, 'wasm'>>> =>
  types
    ? Object.fromEntries(
        Object.entries(printers).map(([helper, name]) => [helper, { wasm: { module, export: name } }]),
      )
    : {}
