import { isIPv4, isIPv6 } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ipv4, ipv6, mac, PacketError } from './index.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

function reads(codec: { parse(text: string): Uint8Array }, text: string): boolean {
  try {
    codec.parse(text)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(PacketError)
    expect((error as PacketError).code).toBe('BAD_ADDRESS')
    return false
  }
}

describe('addresses', () => {
  it.each([ipv4, ipv6, mac])('$name reads what it writes', (codec) => {
    fc.assert(
      fc.property(bytes(codec.size), (raw) => {
        expect(codec.parse(codec.format(raw))).toEqual(raw)
      }),
    )
  })

  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // one zero group is not shortened
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // the longest run is
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // and of two the first
    ['2001:DB8::A', '2001:db8::a'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::192.0.2.33', '::c000:221'],
    ['::ffff:192.0.2.33', '::ffff:192.0.2.33'],
  ])('%s is written as %s', (text, canonical) => {
    expect(ipv6.format(ipv6.parse(text))).toBe(canonical)
  })

  it('reads and refuses the texts that Node does', () => {
    const part = fc.constantFrom(
      '',
      ':',
      '::',
      '0',
      '1',
      'ff',
      'abcd',
      '12345',
      'g',
      '.',
      '1.2.3.4',
      '256',
      '01',
      ' ',
      '%1',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        expect(reads(ipv4, text)).toBe(isIPv4(text))
        expect(reads(ipv6, text)).toBe(isIPv6(text) && !text.includes('%'))
      }),
      { numRuns: 5000 },
    )
    for (const groups of [7, 8, 9]) {
      for (const joint of [':', '::']) {
        const text = Array.from({ length: groups }, () => '1')
          .join(':')
          .replace(':', joint)
        expect(reads(ipv6, text)).toBe(isIPv6(text))
      }
    }
  })

  it('refuses what is no MAC address', () => {
    expect(mac.format(mac.parse('02-00-5E-10-00-ff'))).toBe('02:00:5e:10:00:ff')
    for (const text of [
      '',
      '02:00:5e:10:00',
      '02:00:5e:10:00:ff:01',
      '02-00:5e:10:00:ff',
      '02:00:5e:10:00:fg',
    ]) {
      expect(reads(mac, text)).toBe(false)
    }
  })

  it('serves as a codec of map keys', () => {
    const view = new DataView(new ArrayBuffer(12), 2)
    ipv4.encode('192.0.2.66', view, 4)
    expect(ipv4.decode(view, 4)).toBe('192.0.2.66')
    expect([...new Uint8Array(view.buffer)]).toEqual([0, 0, 0, 0, 0, 0, 192, 0, 2, 66, 0, 0])
  })

  it('names what is wrong', () => {
    expect(() => ipv4.parse('192.0.2.300')).toThrow(
      'BAD_ADDRESS: "192.0.2.300" is no ipv4 address: "300" is no number from 0 to 255',
    )
    expect(() => ipv6.format(new Uint8Array(15))).toThrow(
      'BAD_ADDRESS: ipv6 addresses have 16 bytes, and 15 are here',
    )
    expect(() => ipv4.parse(3 as unknown as string)).toThrow('BAD_ADDRESS')
  })
})
