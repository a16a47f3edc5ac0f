import { describe, expect, it } from 'vitest'
import { arg } from './arg.ts'
import { defineHelper } from './define.ts'
import { checkLower, type Lower } from './lower.ts'
import { ret } from './ret.ts'

const define = (lower: Lower): unknown =>
  defineHelper({ name: 'acme', id: 0x1_0001, args: [arg.u64()], returns: ret.u64(), call: (a) => a, lower })

/** A wrong expression, past the types. */
const wrong = (lower: unknown): unknown => define(lower as Lower)

describe('lower', () => {
  it('is typed and checked', () => {
    expect(() => define(['i64.rotl', ['arg', 0], ['i64', 13n]])).not.toThrow()
    expect(() => define(['let', 'a', ['i32.load', ['control'], 24], ['get', 'a']])).not.toThrow()
    // @ts-expect-error: an i32 and an i64
    expect(() => define(['i64.add', ['arg', 0], ['i32', 1]])).toThrow('i32 is i32, wanted is i64')
    // @ts-expect-error: no such instruction
    expect(() => define(['i64.div_u', ['arg', 0], ['i64', 1]])).toThrow('no instruction is named i64.div_u')
  })

  it.each<[Lower, string]>([
    [['i32.wrap_i64', ['arg', 0]], 'i32'],
    [['i64.eq', ['arg', 0], ['i64', 1]], 'i32'],
    [['if', ['i64.eqz', ['arg', 1]], ['call'], ['arg', 1]], 'i64'],
    [['do', ['i64.store', ['control'], ['arg', 0], 8], ['i32', 0xffff_ffff]], 'i32'],
    [['shared', ['call'], ['i64', 0]], 'i64'],
  ])('%o is %s', (lower, type) => {
    expect(checkLower(lower, 2)).toBe(type)
  })

  it.each<[unknown, string]>([
    [[7], 'lower: a list that begins with a name'],
    [['arg', 1], 'lower: the helper has 1 arguments, 0 the first'],
    [['i64.add', ['arg', 0]], 'lower: i64.add is followed by 2, not 1'],
    [['i64.add', ['arg', 0], ['get', 'x']], 'lower.2: no let binds "x"'],
    [['i32.load', ['i32', 8], -4], 'lower: an offset is not negative'],
    [['i32', 2 ** 32], 'lower: i32 holds an integer of 32 bits'],
    [['i64', 0.5], 'lower: i64 holds a bigint or a safe integer'],
    [['if', ['i32', 1], ['i32', 1], ['i64', 1]], 'lower.3: i64 is i64, wanted is i32'],
    [['i32.store', ['i32', 8], ['i32', 1]], 'lower: a store has no value'],
    [['do', ['i32', 8], ['i32', 1]], 'lower.1: i32 is i32, wanted is none'],
    [['let', 'a', ['i32', 1], ['i64.add', ['get', 'a'], ['i64', 1]]], 'lower.3.1: get is i32, wanted is i64'],
  ])('%o is refused: %s', (lower, message) => {
    expect(() => wrong(lower)).toThrow(message)
  })

  it('is refused when it is too deep', () => {
    let lower: unknown = ['arg', 0]
    for (let n = 0; n < 200; n++) lower = ['i64.bswap', lower]
    expect(() => wrong(lower)).toThrow('no more than 100 levels')
  })
})
