import type { SpecialField } from '@skep/btf'
import type { VerifierMap } from '../maps.ts'
import type { Kfunc } from './prototype.ts'

/** What the arguments of a call tell about it (struct bpf_kfunc_call_arg_meta). */
export interface KfuncMeta {
  readonly kfunc: Kfunc
  refObjId: number
  /** Register whose reference is released, 0 for none. */
  releaseReg: number
  /** The one constant argument, as two words. */
  constant: { readonly lo: number; readonly hi: number } | undefined
  /** Bytes of memory that the result points to, and whether they may only be read. */
  resultSize: number
  resultReadOnly: boolean
  /** BTF and struct of a local object that was passed. */
  argBtf: number
  argBtfId: number
  /** It was passed as an owning reference. */
  owning: boolean
  map: VerifierMap | undefined
  mapUid: number
  subprog: number
  /** The iterator that was passed: a frame, and the slot in it. */
  iterFrame: number
  iterSlot: number
  /** The initialised dynptr that was passed. */
  dynptrId: number
  dynptrType: number
  dynptrRef: number
  /** The list or tree that was passed. */
  root: SpecialField | undefined
  rootBtf: number
}

export const newKfuncMeta = (kfunc: Kfunc): KfuncMeta => ({
  kfunc,
  refObjId: 0,
  releaseReg: 0,
  constant: undefined,
  resultSize: kfunc.def.verify?.resultSize ?? 0,
  resultReadOnly: false,
  argBtf: 0,
  argBtfId: 0,
  owning: false,
  map: undefined,
  mapUid: 0,
  subprog: -1,
  iterFrame: 0,
  iterSlot: 0,
  dynptrId: 0,
  dynptrType: 0,
  dynptrRef: 0,
  root: undefined,
  rootBtf: 0,
})
