import { BtfBuilder } from '@skep/btf'
import type { MapTypeDef, ValueField } from '@skep/registry'
import { HOST_ACCESS } from '../src/check.ts'
import type { HostMap } from '../src/host-map.ts'
import { builtinMapTypes } from '../src/map-types.ts'
import { type Bpf, closeFd, command, refused } from './bpf.ts'
import { makeObjects, type Objects, plain, template } from './objects.ts'
import { type Exercise, exercisesOf, type Operation } from './operations.ts'
import type { Row } from './rows.ts'
import { type Actor, type Call, drain, ours, outcome, perform, theirs } from './sides.ts'
import { Stacks } from './stacks.ts'
import type { World } from './world.ts'

const LOCK: ValueField = { kind: 'bpf_spin_lock', offset: 4, size: 4 }

interface Types {
  readonly fd: number
  readonly key: number
  readonly value: number
}

/** Types of an int and of a value of so many bytes, with a bpf_spin_lock at byte 4 if asked. */
function loadTypes(bpf: Bpf, valueSize: number, lock: boolean): Types {
  const btf = new BtfBuilder()
  const int = btf.int('int', 4, { signed: true })
  const word = btf.struct('bpf_spin_lock', [{ name: 'val', type: int }])
  const second = valueSize < 8 ? [] : [{ name: 'second', type: lock ? word : int }]
  const value = btf.struct('value', [{ name: 'first', type: int }, ...second], valueSize)
  const bytes = btf.build()
  const fd = bpf.withBytes(command.btfLoad, 32, bytes, (attr, at) => {
    attr.setBigUint64(0, at, true)
    attr.setUint32(16, bytes.length, true)
  })
  if (fd < 0) throw new Error(`BPF_BTF_LOAD: ${refused(fd)}`)
  return { fd, key: int, value }
}

/** The same map on both sides. */
interface Pair {
  readonly mine: Actor
  readonly its: Actor
  readonly map: HostMap
  readonly fd: number
  readonly stacks: Stacks | undefined
  uses: number
}

/** Maps of one row, both sides' of each, used again from sequence to sequence. */
export class Pairs {
  readonly row: Row
  readonly exercises: readonly Exercise[]
  readonly #bpf: Bpf
  readonly #world: World
  readonly #def: MapTypeDef
  readonly #objects: Objects | undefined
  readonly #kept: (Pair | undefined)[] = []
  readonly #types = new Map<number, Types>()
  readonly #inner: number
  /** Once a sequence has failed, each gets maps of its own: what is left of it does not hang on those before. */
  #fresh = false

  constructor(row: Row, bpf: Bpf, world: World, options: { readonly maps: number; readonly seed: number }) {
    this.row = row
    this.exercises = exercisesOf(row, options.maps, options.seed)
    this.#bpf = bpf
    this.#world = world
    this.#def = builtinMapTypes.find((t) => t.name === row.type)!
    const kind = row.refers ?? row.owners
    this.#objects = kind && makeObjects(kind, bpf, world)
    this.#inner = row.refers === 'map' ? bpf.create({ id: 2, ...plain }) : 0
  }

  /** Does the same on both sides. Throws at the first difference. */
  *run(which: number, steps: readonly Operation[]): Call<void> {
    let pair = this.#fresh ? undefined : this.#kept[which]
    this.#kept[which] = undefined
    pair ??= this.#create(this.exercises[which]!)
    if (!pair) return
    let frozen = false
    try {
      for (const step of steps) {
        if (step.op === 'stack') pair.stacks?.write(step.value)
        const mine = yield* perform(pair.mine, step)
        const its = yield* perform(pair.its, step)
        if (step.op === 'freeze') frozen ||= its === ''
        if (mine !== its && !this.#isBeyond(step, its))
          throw new Error(`${JSON.stringify(step)} gives ${mine}, and the kernel ${its}`)
      }
      const [mine, its] = [yield* drain(pair.mine), yield* drain(pair.its)]
      if (mine !== its) throw new Error(`there is left ${mine}, and in the kernel ${its}`)
    } catch (error) {
      this.#fresh = true
      this.#close(pair)
      throw new Error(`${JSON.stringify(this.exercises[which]!.spec)}: ${(error as Error).message}`)
    }
    if (frozen || this.#fresh || ++pair.uses === this.row.uses) this.#close(pair)
    else this.#kept[which] = pair
  }

  #isBeyond({ op }: Operation, its: string): boolean {
    return (this.row.beyond?.includes(op) ?? false) && /^!(EOPNOTSUPP|ENOTSUPP|ENOSPC)$/.test(its)
  }

  #typesOf(valueSize: number): Types | undefined {
    if (!this.row.typed) return undefined
    let types = this.#types.get(valueSize)
    if (!types) this.#types.set(valueSize, (types = loadTypes(this.#bpf, valueSize, this.row.lock ?? false)))
    return types
  }

  /** Undefined where both sides refuse it alike. */
  #create(exercise: Exercise): Pair | undefined {
    const { spec } = exercise
    const types = this.#typesOf(spec.valueSize)
    const map = outcome(() =>
      this.#world.create(
        this.#def,
        {
          ...spec,
          ...(this.#inner ? { inner: template } : {}),
          ...(types ? { btfKey: types.key, btfValue: types.value } : {}),
        },
        this.row.lock ? [LOCK] : [],
      ),
    )
    const fd = this.#bpf.create({
      id: this.#def.id,
      ...spec,
      innerFd: this.#inner,
      ...(types ? { btf: types } : {}),
    })
    if (fd < 0 && map === refused(fd)) return undefined
    if (fd < 0 || typeof map === 'string') {
      const mine = typeof map === 'string' ? map : 'a map'
      throw new Error(`${JSON.stringify(spec)} gives ${mine}, and the kernel ${fd < 0 ? refused(fd) : 'one'}`)
    }
    const { words, mapExtra } = this.#bpf.info(fd)
    const flags = (map.flags & ~HOST_ACCESS) | (this.row.addsFlags ?? 0)
    const told = [map.def.id, map.keySize, map.valueSize, map.maxEntries, flags].join()
    if (told !== words.join() || mapExtra !== spec.mapExtra)
      throw new Error(`the map is ${told}, and in the kernel ${words.join()}`)
    const bytes = map.hostValueSize
    return {
      mine: { side: ours(map, this.#objects), exercise, bytes },
      its: { side: theirs(this.#bpf, fd, exercise, bytes, this.#objects), exercise, bytes },
      map,
      fd,
      stacks: this.row.stacks && new Stacks(this.#bpf, map, fd),
      uses: 0,
    }
  }

  #close({ map, fd, stacks }: Pair): void {
    stacks?.close()
    closeFd(fd)
    map.close()
  }

  close(): void {
    for (const pair of this.#kept) if (pair) this.#close(pair)
    this.#objects?.close()
    for (const { fd } of this.#types.values()) closeFd(fd)
    if (this.#inner > 0) closeFd(this.#inner)
  }
}

/** Runs calls that wait. */
export async function follow(call: Call<void>): Promise<void> {
  for (let at = call.next(); !at.done; ) at = call.next(await at.value)
}
