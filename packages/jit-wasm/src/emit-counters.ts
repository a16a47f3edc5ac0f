import { control } from '@skep/registry'
import type { Code } from '@skep/wasm'
import type { CountedArray, CounterField, CounterSite, Counters } from './counters.ts'
import { type Emitter, type ModuleEnv, pushControl } from './emitter.ts'

/** Contexts of a batch after which what was added up is added to the values, so that others do not wait long to see it. */
const CHUNK = 16_384

/**
 * A program's counters in its body: for each array a local holds how far the sums lie from the values, or 0 while it adds to
 * the values themselves.
 */
export interface BodyCounters {
  readonly counters: Counters
  readonly locals: readonly number[]
}

/** Writes an addition to a value, or to the sum that stands for it. */
export function emitCounter(e: Emitter, slot: number, { locals }: BodyCounters, site: CounterSite): void {
  const { code } = e
  const { pointer, addend, size } = site
  const distance = locals[site.array]!
  const type = size === 8 ? 'i64' : 'i32'
  const address = e.scratch('counter', 'i32')
  const push = (): void => {
    if ('constant' in addend) code[`${type}_const`](addend.constant)
    else if (size === 8) e.push64(slot, addend.operand, true)
    else e.push32(slot, addend.operand, true)
  }
  const offset = e.pushAddress(pointer.slot, pointer.operand, pointer.offset, true)
  code.local_get(distance).i32_add().local_set(address)
  const add = (): void => {
    code.local_get(address).local_get(address)
    code[`${type}_load`](offset)
    push()
    code[`${type}_add`]()
    code[`${type}_store`](offset)
  }
  if (!site.atomic) {
    add()
    return
  }
  code.local_get(distance).if()
  add()
  code.else().local_get(address)
  push()
  code[`${type}_atomic_rmw_add`](offset).drop().end()
}

/** Pushes the address of this CPU's sums. */
function pushSums(code: Code, env: ModuleEnv, { array: { sums } }: CountedArray): void {
  const cpu = pushControl(code, env, control.CTL_CPU)
  code.i32_load(cpu).i32_const(sums.stride).i32_mul().i32_const(sums.address).i32_add()
}

/** A line of the cache. */
const LINE = 64

/** Adds this CPU's sums to the values, and makes them zeros. */
export function writeSettle(code: Code, env: ModuleEnv, { arrays }: Counters): void {
  const at = code.local('i32', 'sum')
  const end = code.local('i32', 'end')
  const distance = code.local('i32', 'distance')
  const narrow = code.local('i32')
  const wide = code.local('i64')
  const settle = ({ offset, size }: CounterField): void => {
    const type = size === 8 ? 'i64' : 'i32'
    const sum = size === 8 ? wide : narrow
    code.local_get(at)
    code[`${type}_load`](offset).local_tee(sum)
    code[`${type}_eqz`]().i32_eqz().if()
    code.local_get(at).local_get(distance).i32_add().local_get(sum)
    code[`${type}_atomic_rmw_add`](offset).drop()
    code.local_get(at)
    code[`${type}_const`](0)
    code[`${type}_store`](offset).end()
  }
  for (const counted of arrays) {
    const { array, fields } = counted
    const { stride, maxEntries } = array
    // Most lines have nothing in them. The last one is there to its end (LinkedArray.sums).
    const byLine = LINE % stride === 0
    const step = byLine ? LINE : stride
    pushSums(code, env, counted)
    code
      .local_tee(at)
      .i32_const(Math.ceil((maxEntries * stride) / step) * step)
      .i32_add()
      .local_set(end)
    code.i32_const(array.data).local_get(at).i32_sub().local_set(distance)
    const next = code.loop()
    if (byLine) {
      for (let word = 0; word < LINE; word += 8) {
        code.local_get(at).i64_load(word)
        if (word > 0) code.i64_or()
      }
      code.i64_eqz().i32_eqz().if()
    }
    for (let element = 0; element < step; element += stride) {
      for (const { offset, size } of fields) settle({ offset: element + offset, size })
    }
    if (byLine) code.end()
    code.local_get(at).i32_const(step).i32_add().local_tee(at)
    code.local_get(end).i32_ne().br_if(next)
    code.end()
  }
}

/** What a batch does around its loop over contexts, which goes from the local `at` to the local `to`. */
export class CountingBatch {
  readonly #code: Code
  readonly #env: ModuleEnv
  readonly #body: BodyCounters
  readonly #settle: number
  readonly #last: number
  readonly #sums: number

  /** `settle` is the index of the function that `writeSettle` wrote. */
  constructor(code: Code, env: ModuleEnv, body: BodyCounters, settle: number) {
    this.#code = code
    this.#env = env
    this.#body = body
    this.#settle = settle
    this.#last = code.local('i32', 'last')
    this.#sums = code.local('i32', 'sums')
  }

  /** Before the loop: adds up when there are so many contexts that it is worth a look at all sums. */
  open(count: number): void {
    const code = this.#code
    const { arrays } = this.#body.counters
    const words = arrays.reduce((sum, { array, fields }) => sum + array.maxEntries * fields.length, 0)
    code.local_get(count).i32_const(Math.max(words, 64)).i32_ge_u().local_tee(this.#sums).if()
    arrays.forEach((counted, n) => {
      pushSums(code, this.#env, counted)
      code.i32_const(counted.array.data).i32_sub().local_set(this.#body.locals[n]!)
    })
    code.end()
  }

  /** Writes the loop, as often as there are chunks. */
  chunks(at: number, to: number, loop: () => void): void {
    const code = this.#code
    code.local_get(to).local_set(this.#last)
    const next = code.loop()
    code.local_get(this.#last).local_set(to)
    code.local_get(this.#sums).if()
    code
      .local_get(this.#last)
      .local_get(at)
      .i32_sub()
      .i32_const(CHUNK << 2)
      .i32_gt_u()
      .if()
    code
      .local_get(at)
      .i32_const(CHUNK << 2)
      .i32_add()
      .local_set(to)
    code.end().end()
    loop()
    code.local_get(this.#sums).if()
    code.call(this.#settle).end()
    code.local_get(to).local_get(this.#last).i32_ne().br_if(next)
    code.end()
  }
}
