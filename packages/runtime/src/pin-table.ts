import { HostMap, hasContents, readContents, writeContents } from '@skep/maps'
import type { MapSpec, Platform } from '@skep/registry'
import { type HeldMap, heldByAnother } from './held-map.ts'
import { PinError } from './pin-error.ts'
import { decodePin, encodePin, type PinnedMap, specOfPin } from './pin-file.ts'
import { pinDifferences } from './pin-match.ts'
import { pinPath } from './pin-path.ts'
import type { PinStore } from './pin-store.ts'
import { Program } from './program.ts'
import { TypedMap } from './typed-map.ts'

export type Pinnable = HostMap | TypedMap<never, never> | Program

/** What is pinned under a path. */
export interface PinInfo {
  readonly path: string
  readonly object: HostMap | Program
  /** The runtime's store has it too: a map whose contents are bytes. */
  readonly stored: boolean
}

export interface PinTableParts {
  readonly platform: Platform
  readonly cpus: number
  readonly store: PinStore | undefined
  /** The map behind a handle of this runtime. */
  readonly live: (map: HostMap) => HeldMap | undefined
  /** A new map, which belongs to who asked. */
  readonly make: (spec: MapSpec) => Promise<HeldMap>
  /** Keeps a program of this runtime; undefined for others. */
  readonly keep: (program: Program) => (() => void) | undefined
  /** Runs a step when no program runs. */
  readonly whenIdle: (step: () => void) => void
  readonly failed: (error: PinError) => void
}

interface Entry extends PinInfo {
  readonly letGo: () => void
}

/** A runtime's pins: a map or program by its path, in memory, and what of it a store keeps. */
export class PinTable {
  readonly #parts: PinTableParts
  readonly #entries = new Map<string, Entry>()
  readonly #opening = new Map<string, Promise<Entry | undefined>>()
  readonly #taken = new Set<string>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: PinTableParts) {
    this.#parts = parts
  }

  /** What is pinned in this process. */
  *[Symbol.iterator](): Generator<PinInfo> {
    for (const { path, object, stored } of this.#entries.values()) yield { path, object, stored }
  }

  /** One load after the other looks for pins and makes them. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {})
    return turn
  }

  async pin(given: string, pinnable: Pinnable): Promise<void> {
    const path = pinPath(given)
    const object = pinnable instanceof TypedMap ? pinnable.handle : pinnable
    const exists = (): PinError =>
      new PinError('EXISTS', path, 'something is pinned there; unpin it, or take another path')
    if (this.#entries.has(path) || this.#taken.has(path)) throw exists()
    const keep = this.#keeper(path, object)
    this.#taken.add(path)
    let letGo: (() => void) | undefined
    try {
      letGo = keep()
      if (await this.#fromStore(path)) throw exists()
      const stored = this.#parts.store !== undefined && object instanceof HostMap && hasContents(object)
      if (stored) await this.#write(path, object)
      this.#entries.set(path, { path, object, stored, letGo })
    } catch (error) {
      letGo?.()
      throw error
    } finally {
      this.#taken.delete(path)
    }
  }

  #keeper(path: string, object: HostMap | Program): () => () => void {
    if (object instanceof HostMap) {
      const live = this.#parts.live(object)
      if (live && !object.closed) {
        return () => {
          live.retain()
          return () => this.#parts.whenIdle(() => live.release())
        }
      }
    } else if (object instanceof Program) {
      return () => {
        const letGo = this.#parts.keep(object)
        if (!letGo) throw new PinError('FOREIGN', path, `program ${object.name} is not of this runtime`)
        return letGo
      }
    }
    throw new PinError('FOREIGN', path, 'give an open map or a program of this runtime')
  }

  /** Throws PinError ABSENT when nothing is pinned there. */
  async unpin(given: string): Promise<void> {
    const path = pinPath(given)
    const entry = this.#entries.get(path)
    const { store } = this.#parts
    const kept = entry ? entry.stored : (await this.#fromStore(path)) !== undefined
    if (!entry && !kept) throw absent(path)
    if (kept) await asked(path, () => store!.delete(path))
    if (this.#entries.delete(path)) entry!.letGo()
  }

  /** What is pinned under a path, out of the store too (BPF_OBJ_GET). Throws PinError ABSENT, DAMAGED, VERSION, MISMATCH, STORE. */
  async open(given: string): Promise<HostMap | Program> {
    const path = pinPath(given)
    const entry = await this.#find(path)
    if (!entry) throw absent(path)
    return entry.object
  }

  /** The pinned map that a spec asks for, held once more; undefined where nothing is pinned. Throws PinError MISMATCH and what `open` throws. */
  async reuse(path: string, spec: MapSpec): Promise<HeldMap | undefined> {
    const entry = await this.#find(path)
    if (!entry) return undefined
    const { object } = entry
    const mismatch = (facts: readonly string[], attributes: readonly string[]): PinError =>
      new PinError(
        'MISMATCH',
        path,
        `map ${spec.name} cannot use what is pinned there: ${facts.join(', ')}; unpin it, or pin this map elsewhere`,
        { attributes },
      )
    if (!(object instanceof HostMap)) throw mismatch(['it is a program'], ['object'])
    const found = pinDifferences(object, spec, this.#parts.platform)
    if (found.length > 0)
      throw mismatch(
        found.map(({ attribute, pinned, wanted }) => `${attribute} is ${pinned} there and ${wanted} here`),
        found.map(({ attribute }) => attribute),
      )
    const live = this.#parts.live(object)!
    live.retain()
    return heldByAnother(live)
  }

  async #find(path: string): Promise<Entry | undefined> {
    const entry = this.#entries.get(path)
    if (entry) return entry
    let opening = this.#opening.get(path)
    if (!opening) {
      opening = this.#restore(path).finally(() => this.#opening.delete(path))
      this.#opening.set(path, opening)
    }
    return opening
  }

  /** Makes the map that the store has. */
  async #restore(path: string): Promise<Entry | undefined> {
    const bytes = await this.#fromStore(path)
    if (!bytes) return undefined
    const pinned = decodePin(path, bytes)
    const { definition, contents } = pinned
    const { cpus } = this.#parts
    if (
      this.#parts.platform.mapTypes.byName(definition.type)?.value === 'percpu' &&
      definition.cpus !== cpus
    ) {
      const fact = `its values are for ${definition.cpus} CPUs, and this runtime has ${cpus}; give createRuntime as many`
      throw new PinError('MISMATCH', path, fact, { attributes: ['cpus'] })
    }
    const live = await this.#parts.make(specOfPin(pinned))
    try {
      writeContents(live.handle, contents)
      if (definition.frozen) live.handle.freeze()
    } catch (error) {
      live.release()
      throw error
    }
    const letGo = (): void => this.#parts.whenIdle(() => live.release())
    const entry = { path, object: live.handle, stored: true, letGo }
    this.#entries.set(path, entry)
    return entry
  }

  /** Writes what pinned maps hold now to the store: one's, or all. Throws PinError ABSENT and STORE. */
  async sync(given?: string): Promise<void> {
    if (given !== undefined && !this.#entries.has(pinPath(given))) throw absent(pinPath(given))
    const entries = given === undefined ? [...this.#entries.values()] : [this.#entries.get(pinPath(given))!]
    for (const { path, object, stored } of entries) if (stored) await this.#write(path, object as HostMap)
  }

  #write(path: string, map: HostMap): Promise<void> {
    const { store, cpus } = this.#parts
    const { name, type, keySize, valueSize, maxEntries, flags, frozen } = map
    const mapExtra = map.spec.mapExtra ?? 0
    const pinned: PinnedMap = {
      definition: { name, type, keySize, valueSize, maxEntries, flags, mapExtra, cpus, frozen },
      contents: readContents(map),
    }
    return asked(path, () => store!.set(path, encodePin(pinned)))
  }

  async #fromStore(path: string): Promise<Uint8Array | undefined> {
    const { store } = this.#parts
    return store && asked(path, () => store.get(path))
  }

  /** The runtime closes: maps go to the store as they are now, and nothing is pinned any more. */
  close(): void {
    for (const { path, object, stored, letGo } of this.#entries.values()) {
      if (stored && !(object as HostMap).closed) {
        try {
          this.#write(path, object as HostMap).catch(this.#parts.failed)
        } catch (error) {
          this.#parts.failed(error as PinError)
        }
      }
      letGo()
    }
    this.#entries.clear()
  }
}

const absent = (path: string): PinError => new PinError('ABSENT', path, 'nothing is pinned there')

async function asked<T>(path: string, ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PinError('STORE', path, `the store failed: ${why}`, { cause })
  }
}
