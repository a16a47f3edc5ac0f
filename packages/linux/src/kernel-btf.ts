import { type Context, Handle } from './context.ts'
import { errnoText } from './errno.ts'
import { KernelError } from './errors.ts'

/** BTF that the kernel has checked and holds. */
export class KernelBtf extends Handle {}

/** BPF_BTF_LOAD. Throws `KernelError` with the kernel's log. */
export const loadBtf = (context: Context, bytes: Uint8Array): KernelBtf => {
  const load = (log?: Uint8Array): number => {
    const { attr } = context
    const size = attr.begin('BPF_BTF_LOAD')
    attr.set('btf', context.address(bytes))
    attr.set('btf_size', bytes.length)
    if (log) {
      attr.set('btf_log_buf', context.address(log))
      attr.set('btf_log_size', log.length)
      attr.set('btf_log_level', 1)
    }
    return context.call('BPF_BTF_LOAD', size)
  }
  const fd = load()
  if (fd >= 0) return new KernelBtf(context.ffi, fd, 'btf')
  const log = new Uint8Array(1 << 16)
  const again = load(log)
  if (again >= 0) return new KernelBtf(context.ffi, again, 'btf')
  const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0))).trim()
  const last = text.split('\n').at(-1)
  throw new KernelError(
    errnoText(again),
    'BPF_BTF_LOAD',
    last || `${bytes.length} bytes of BTF`,
    undefined,
    text,
  )
}

/** BTF in the kernel by its bytes as base64, for the last few: the programs of one object come together. */
export class BtfCache {
  readonly #context: Context
  readonly #byText = new Map<string, KernelBtf>()

  constructor(context: Context) {
    this.#context = context
  }

  /** The cache closes what it gives; it is good until eight others were asked for. */
  get(base64: string): KernelBtf {
    let btf = this.#byText.get(base64)
    if (btf) this.#byText.delete(base64)
    else {
      btf = loadBtf(this.#context, Buffer.from(base64, 'base64'))
      for (const [oldest, held] of this.#byText) {
        if (this.#byText.size < kept) break
        held.close()
        this.#byText.delete(oldest)
      }
    }
    this.#byText.set(base64, btf)
    return btf
  }

  close(): void {
    for (const btf of this.#byText.values()) btf.close()
    this.#byText.clear()
  }
}

const kept = 8
