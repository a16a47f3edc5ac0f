// A minimal BTF writer: enough for a map value with a spin lock and for two functions.

interface Type {
  name?: string
  kind: number
  vlen?: number
  sizeOrType?: number
  rest?: number[]
}

const encode = (types: readonly Type[]): Uint8Array => {
  let strings = '\0'
  const offset = (name: string | undefined): number => {
    if (!name) return 0
    const at = strings.length
    strings += `${name}\0`
    return at
  }
  const words = types.flatMap((t) => [
    offset(t.name),
    (t.kind << 24) | (t.vlen ?? 0),
    t.sizeOrType ?? 0,
    ...(t.rest ?? []).map((word, i, rest) =>
      // Members begin with a name: kept as an index into `memberNames`, below.
      t.kind === 4 && i % 3 === 0 ? offset(memberNames[word]) : (rest[i] ?? 0),
    ),
  ])
  const body = new Uint8Array(Uint32Array.from(words).buffer)
  const text = new TextEncoder().encode(strings)
  const header = new Uint8Array(24)
  const view = new DataView(header.buffer)
  view.setUint16(0, 0xeb9f, true)
  header[2] = 1
  view.setUint32(4, 24, true)
  view.setUint32(12, body.length, true)
  view.setUint32(16, body.length, true)
  view.setUint32(20, text.length, true)
  return Uint8Array.from([...header, ...body, ...text])
}

const memberNames = ['val', 'cnt', 'lock']
const int: Type = { name: 'int', kind: 1, sizeOrType: 4, rest: [(1 << 24) | 32] }

/** 1: int; 2: struct bpf_spin_lock { int val }; 3: struct value { int cnt; struct bpf_spin_lock lock }. */
export const lockBtf = (): Uint8Array =>
  encode([
    int,
    { name: 'bpf_spin_lock', kind: 4, vlen: 1, sizeOrType: 4, rest: [0, 1, 0] },
    { name: 'value', kind: 4, vlen: 2, sizeOrType: 8, rest: [1, 1, 0, 2, 2, 32] },
  ])

/** 1: int; 2: int (void); 3: func main; 4: func sub, static. */
export const functionsBtf = (): Uint8Array =>
  encode([
    int,
    { kind: 13, sizeOrType: 1 },
    { name: 'main', kind: 12, vlen: 1, sizeOrType: 2 },
    { name: 'sub', kind: 12, vlen: 0, sizeOrType: 2 },
  ])
