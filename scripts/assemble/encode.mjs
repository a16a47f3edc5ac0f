// How scripts/assemble.mjs writes modules down.

/** The shortest stretch of old bytes that is worth a reference. */
const LEAST = 8
/** Places of equal beginning that are tried. */
const TRIES = 32

/**
 * What makes `target` of `base`: turns of new bytes (their number, then they) and of old ones (where they begin in base, how
 * many), numbers in LEB128.
 */
export function difference(base, target) {
  const places = new Map()
  const beginning = (bytes, at) => bytes.toString('latin1', at, at + LEAST)
  for (let at = 0; at + LEAST <= base.length; at++) {
    const key = beginning(base, at)
    const known = places.get(key)
    if (!known) places.set(key, [at])
    else if (known.length < TRIES) known.push(at)
  }
  const out = []
  const number = (value) => {
    for (; value >= 0x80; value >>>= 7) out.push((value & 0x7f) | 0x80)
    out.push(value)
  }
  let done = 0
  const fresh = (end) => {
    number(end - done)
    for (; done < end; done++) out.push(target[done])
  }
  for (let at = 0; at < target.length; ) {
    let length = 0
    let start = 0
    for (const place of places.get(beginning(target, at)) ?? []) {
      let same = 0
      while (at + same < target.length && base[place + same] === target[at + same]) same++
      if (same > length) [length, start] = [same, place]
    }
    if (length < LEAST) {
      at++
      continue
    }
    fresh(at)
    number(start)
    number(length)
    at += length
    done = at
  }
  fresh(target.length)
  return Buffer.from(out)
}

/** Bytes as a string literal of one character a byte. */
export function literal(bytes) {
  const written = (char) => {
    if (char === '\0') return '\\x00'
    if (char === '\n') return '\\n'
    if (char === '\r') return '\\r'
    if (char === '\\' || char === "'") return `\\${char}`
    return char
  }
  return `'${bytes.toString('latin1').replaceAll(/[\0\n\r\\']/g, written)}'`
}
