import { type Code, type FunctionBuilder, type FunctionType, opcodes } from '@skep/wasm'

/** A function that stands for an instruction. */
export interface Lowered {
  readonly name: string
  readonly type: FunctionType
  readonly write: (code: Code) => void
}

type Lower = (code: Code, need: (what: Lowered) => FunctionBuilder) => void

const three: FunctionType = { params: ['i32', 'i32', 'i32'], results: [] }

/** `(to, byte, size)`. Eight bytes at a time, then one. */
const fill: Lowered = {
  name: 'memory.fill',
  type: three,
  write: (code) => {
    const [to, byte, size] = [0, 1, 2]
    const wide = code.local('i64', 'wide')
    code.local_get(byte).i32_const(255).i32_and().i64_extend_i32_u()
    code.i64_const(0x0101_0101_0101_0101n).i64_mul().local_set(wide)
    const wides = code.block()
    const again = code.loop()
    code.local_get(size).i32_const(8).i32_lt_u().br_if(wides)
    code.local_get(to).local_get(wide).i64_store(0, 0)
    step(code, [to], 8, size)
    code.br(again).end().end()
    const done = code.block()
    const rest = code.loop()
    code.local_get(size).i32_eqz().br_if(done)
    code.local_get(to).local_get(byte).i32_store8()
    step(code, [to], 1, size)
    code.br(rest).end().end()
  },
}

/** `(to, from, size)`; the two may overlap. */
const copy: Lowered = {
  name: 'memory.copy',
  type: three,
  write: (code) => {
    const [to, from, size] = [0, 1, 2]
    // Behind `from` and inside it: from the end on.
    code.local_get(to).local_get(from).i32_sub().local_get(size).i32_lt_u().if()
    const backwards = code.block()
    const last = code.loop()
    code.local_get(size).i32_eqz().br_if(backwards)
    code.local_get(size).i32_const(1).i32_sub().local_set(size)
    code.local_get(to).local_get(size).i32_add()
    code.local_get(from).local_get(size).i32_add().i32_load8_u().i32_store8()
    code.br(last).end().end()
    code.return().end()
    const wides = code.block()
    const again = code.loop()
    code.local_get(size).i32_const(8).i32_lt_u().br_if(wides)
    code.local_get(to).local_get(from).i64_load(0, 0).i64_store(0, 0)
    step(code, [to, from], 8, size)
    code.br(again).end().end()
    const done = code.block()
    const rest = code.loop()
    code.local_get(size).i32_eqz().br_if(done)
    code.local_get(to).local_get(from).i32_load8_u().i32_store8()
    step(code, [to, from], 1, size)
    code.br(rest).end().end()
  },
}

function step(code: Code, pointers: readonly number[], bytes: number, size: number): void {
  for (const pointer of pointers) code.local_get(pointer).i32_const(bytes).i32_add().local_set(pointer)
  code.local_get(size).i32_const(bytes).i32_sub().local_set(size)
}

const extend =
  (type: 'i32' | 'i64', bits: number): Lower =>
  (code) => {
    const distance = (type === 'i32' ? 32 : 64) - bits
    if (type === 'i32') code.i32_const(distance).i32_shl().i32_const(distance).i32_shr_s()
    else code.i64_const(distance).i64_shl().i64_const(distance).i64_shr_s()
  }

const lowerings: ReadonlyMap<number, Lower> = new Map<number, Lower>([
  [opcodes['memory.fill'][0], (code, need) => void code.call(need(fill))],
  [opcodes['memory.copy'][0], (code, need) => void code.call(need(copy))],
  [opcodes['i32.extend8_s'][0], extend('i32', 8)],
  [opcodes['i32.extend16_s'][0], extend('i32', 16)],
  [opcodes['i64.extend8_s'][0], extend('i64', 8)],
  [opcodes['i64.extend16_s'][0], extend('i64', 16)],
  [opcodes['i64.extend32_s'][0], extend('i64', 32)],
])

/**
 * How an instruction that came after WebAssembly 1.0 (bulk memory, sign extension) is said in it; undefined for the others.
 * An access past the memory traps after what lies before it was written.
 */
export const lowering = (opcode: number): Lower | undefined => lowerings.get(opcode)
