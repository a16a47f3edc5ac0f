import type {
  Link,
  ProgramHandle,
  RemoteBatch,
  RemoteMap,
  RemotePerf,
  RemoteProgram,
  RemoteRing,
  TestRunInput,
  TestRunOutput,
} from '@skep/registry'
import { attachAt } from './attach/points.ts'
import type { Context } from './context.ts'
import { KernelArgumentError } from './errors.ts'
import type { KernelMap } from './kernel-map.ts'
import type { KernelProgram } from './kernel-program.ts'
import { KernelPerf, KernelRing } from './kernel-ring.ts'

/** Mappings of arrays go when nobody can see their bytes any more. */
const mappings = new FinalizationRegistry<() => void>((unmap) => unmap())

/** A map of the kernel as a runtime sees it. */
export class KernelMapFace implements RemoteMap {
  readonly id: number
  readonly #context: Context
  readonly #map: KernelMap

  constructor(context: Context, map: KernelMap) {
    this.#context = context
    this.#map = map
    this.id = map.info().id
  }

  get handle(): number {
    return this.#map.fd
  }

  get maxEntries(): number {
    return this.#map.maxEntries
  }

  lookup(key: Uint8Array, flags: number): Uint8Array | undefined {
    return this.#map.lookup(key, flags)
  }

  lookupAndDelete(key: Uint8Array, flags: number): Uint8Array | undefined {
    return this.#map.lookupAndDelete(key, flags)
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): void {
    this.#map.update(key, value, flags)
  }

  delete(key: Uint8Array): boolean {
    return this.#map.delete(key)
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    return this.#map.getNextKey(key)
  }

  includes(value: Uint8Array): boolean {
    return this.#map.includes(value)
  }

  freeze(): void {
    this.#map.freeze()
  }

  lookupBatch(count: number, from: Uint8Array | undefined, remove: boolean): RemoteBatch {
    return this.#map.lookupBatch(count, from, { delete: remove })
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, flags: number): number {
    return this.#map.updateBatch(keys, values, flags)
  }

  deleteBatch(keys: Uint8Array): number {
    return this.#map.deleteBatch(keys)
  }

  pages(bytes: number): Uint8Array {
    const pages = this.#map.mapPages(Math.ceil(bytes / 4096) * 4096)
    mappings.register(pages.bytes.buffer, pages.close)
    return pages.bytes.subarray(0, bytes)
  }

  ring(): RemoteRing {
    return new KernelRing(this.#context, this.#map)
  }

  perf(bytes: number): RemotePerf {
    return new KernelPerf(this.#context, this.#map, bytes)
  }

  pin(path: string): void {
    this.#map.pin(path)
  }
}

/** A program of the kernel as a runtime sees it. */
export class KernelProgramFace implements RemoteProgram {
  readonly id: number
  readonly #context: Context
  readonly #program: KernelProgram

  constructor(context: Context, program: KernelProgram) {
    this.#context = context
    this.#program = program
    this.id = program.info().id
  }

  get handle(): number {
    return this.#program.fd
  }

  testRun(
    input: TestRunInput & { readonly repeat?: number; readonly cookie?: bigint },
  ): TestRunOutput & { readonly retval: number } {
    const { data, ctx, repeat, cookie } = input
    if (cookie !== undefined)
      throw new KernelArgumentError('testRun.cookie', 'the kernel’s test runs have none; attach the program')
    const { retval, dataOut, ctxOut } = this.#program.testRun({
      ...(data.length > 0 ? { dataIn: data } : {}),
      ...(ctx ? { ctxIn: ctx } : {}),
      ...(repeat === undefined ? {} : { repeat }),
    })
    return {
      retval,
      ...(data.length > 0 ? { data: dataOut } : {}),
      ...(ctxOut.length > 0 ? { ctx: ctxOut } : {}),
    }
  }

  attach(point: string, target: unknown, face: ProgramHandle, closed: () => void): Link {
    return attachAt({ context: this.#context, point, program: face, closed }, target)
  }

  pin(path: string): void {
    this.#program.pin(path)
  }
}
