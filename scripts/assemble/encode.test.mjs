import { describe, expect, it } from 'vitest'
import { difference, literal } from './encode.mjs'

/** What the generated code does with a difference. */
function change(base, changes, length) {
  const result = Buffer.alloc(length)
  let read = 0
  let written = 0
  const number = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = changes[read++]
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (read < changes.length) {
    const fresh = number()
    written += changes.copy(result, written, read, read + fresh)
    read += fresh
    if (read >= changes.length) break
    const start = number()
    written += base.copy(result, written, start, start + number())
  }
  return result
}

const base = Buffer.from(Array.from({ length: 3000 }, (_, n) => (n * n * 31) & 0xff))
const edited = Buffer.concat([base.subarray(900, 2000), Buffer.from('between'), base.subarray(0, 700)])

describe('modules as text', () => {
  it.each([
    ['the same', base],
    ['nothing', Buffer.alloc(0)],
    ['parts in another order', edited],
    ['nothing in common', Buffer.alloc(300, 7)],
  ])('a difference gives back %s', (_, target) => {
    expect(change(base, difference(base, target), target.length).equals(target)).toBe(true)
  })

  it('a difference is small where much is the same', () => {
    expect(difference(base, edited).length).toBeLessThan(40)
  })

  it('every byte is one character of a literal', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
    const text = new Function(`return ${literal(bytes)}`)()
    expect(Buffer.from(text, 'latin1').equals(bytes)).toBe(true)
    expect(text).toHaveLength(256)
  })
})
