import type { Arena } from '@skep/memory'

/** Bytes of a kernel's struct that an object stands for: more than the largest that programs hold (task_struct). */
const OBJECT_BYTES = 16_384

/** One memory's objects. An object may go away although its address is known: what is kept for it goes then too. */
class ObjectTable {
  readonly #addresses = new WeakMap<object, number>()
  readonly #objects = new Map<number, WeakRef<object>>()
  readonly #release = new Set<(address: number) => void>()
  readonly #registry = new FinalizationRegistry<{ address: number; free: () => void }>(({ address, free }) =>
    this.#drop(address, free),
  )

  addressOf(object: object): number | undefined {
    return this.#addresses.get(object)
  }

  at(address: number): object | undefined {
    return this.#objects.get(address)?.deref()
  }

  add(object: object, address: number, free: () => void): void {
    this.#addresses.set(object, address)
    this.#objects.set(address, new WeakRef(object))
    this.#registry.register(object, { address, free }, object)
  }

  remove(object: object, free: (address: number) => void): void {
    const address = this.#addresses.get(object)
    if (address === undefined) return
    this.#registry.unregister(object)
    this.#addresses.delete(object)
    this.#drop(address, () => free(address))
  }

  /** What was at an address is gone, whether it stood for an object or not. */
  gone(address: number): void {
    const object = this.at(address)
    if (object) this.remove(object, () => {})
    else this.#drop(address, () => {})
  }

  #drop(address: number, free: () => void): void {
    this.#objects.delete(address)
    for (const listener of this.#release) listener(address)
    free()
  }

  onRelease(listener: (address: number) => void): void {
    this.#release.add(listener)
  }
}

const tables = new WeakMap<WebAssembly.Memory, ObjectTable>()

function tableOf(arena: Arena): ObjectTable {
  let table = tables.get(arena.memory)
  if (!table) tables.set(arena.memory, (table = new ObjectTable()))
  return table
}

/**
 * The address by which programs of a runtime know an object of the host: a task, a cgroup, an inode. It is a block of zeros as
 * large as the largest struct that programs hold, made at the first call; the same object has the same address for as long
 * as it lives, and what maps keep for it goes when it does. Throws ArenaError ENOMEM.
 */
export function objectAddress(arena: Arena, object: object, bytes: number = OBJECT_BYTES): number {
  const table = tableOf(arena)
  const known = table.addressOf(object)
  if (known !== undefined) return known
  const address = arena.alloc(bytes, 16)
  table.add(object, address, () => arena.free(address))
  return address
}

/** Makes an object of the host known by the address of something that is in the arena already: a socket of `createSocket`. */
export function adoptObject(arena: Arena, object: object, address: number): void {
  tableOf(arena).add(object, address, () => {})
}

/** The object of an address, while it lives. */
export const objectAt = (arena: Arena, address: number): object | undefined => tableOf(arena).at(address)

/** The address of an object that programs know already. */
export const knownAddress = (arena: Arena, object: object): number | undefined =>
  tableOf(arena).addressOf(object)

/** The object is gone for programs: what maps keep for it goes, and its address means nothing any more. */
export function releaseObject(arena: Arena, object: object): void {
  const table = tableOf(arena)
  const adopted = table.addressOf(object)
  if (adopted === undefined) return
  table.remove(object, (address) => {
    if (arena.sizeOf(address) > 0) arena.free(address)
  })
}

/** What programs held by an address is gone: what maps keep for it goes too. Whoever took the memory gives it back. */
export const releaseAddress = (arena: Arena, address: number): void => tableOf(arena).gone(address)

/** Calls `listener` with the address of each object of the arena that is gone. */
export const onObjectRelease = (arena: Arena, listener: (address: number) => void): void =>
  tableOf(arena).onRelease(listener)
