import type { Platform } from './platform.ts'
import type { CollectionSpec } from './spec.ts'

/** A pure function from bytes to a spec: no file system, clock or registry inside but the platform's tables. */
export interface LoaderDef {
  readonly name: string
  /** True when the bytes look like this loader's format. */
  readonly detect: (bytes: Uint8Array) => boolean
  readonly parse: (bytes: Uint8Array, platform: Platform, options?: ParseOptions) => CollectionSpec
}

/** What a loader may be told besides the bytes. */
export interface ParseOptions {
  /** Raw BTF of the kernel that programs are for: CO-RE relocates against it. */
  readonly kernelBtf?: Uint8Array
  /** Lines of that kernel's configuration (`CONFIG_HZ=250`). */
  readonly kconfig?: string
  /** KERNEL_VERSION(a,b,c) of that kernel. */
  readonly kernelVersion?: number
}
