/** What a runtime does with BTF. Loaded by `load-btf.ts`. */
export { BTF_KIND, codecFor, parseBtf, specialFields } from '@skep/btf'
