// A host of a module that `skep compile` made: plain WebAssembly, for Node and browsers, without anything of Skep.
// docs/guide/standalone.md describes what it uses.

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** FNV-1a over the packets that programs left, so that hosts can be compared. */
function digest(hash, bytes) {
  let h = hash
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193) >>> 0
  return h
}

async function open(wasm) {
  const module = await WebAssembly.compile(wasm)
  const metadata = JSON.parse(
    new TextDecoder().decode(WebAssembly.Module.customSections(module, 'skep')[0]),
  )
  const texts = []
  let now = 0n
  // A memory that grows has another buffer: read it anew at each use.
  const bytes = (at, size) => new Uint8Array(exports.memory.buffer, at >>> 0, size)
  const { exports } = await WebAssembly.instantiate(module, {
    skep: {
      clock: () => (now += 1000n),
      printk: (text, length) => void texts.push(new TextDecoder().decode(bytes(text, length).slice())),
    },
  })
  if (exports.skep_abi_version() !== 1) throw new Error('another ABI')
  return { metadata, exports, texts, bytes }
}

/** All elements of a map, as [key, value] in hex. */
function elements({ exports, bytes }, { index, keySize, valueSize }) {
  const key = exports.skep_alloc(keySize, 8)
  const next = exports.skep_alloc(keySize, 8)
  const found = []
  let from = 0
  while (exports.skep_map_next_key(index, from, next) === 0) {
    bytes(key, keySize).set(bytes(next, keySize))
    from = key
    const value = exports.skep_map_lookup(index, key)
    if (value !== 0) found.push([hex(bytes(key, keySize)), hex(bytes(value, valueSize))])
  }
  exports.skep_free(key)
  exports.skep_free(next)
  return found.sort()
}

/** Adds what `fill` has: elements in hex by map. */
function fillMaps({ exports, bytes, metadata }, fill) {
  const put = (text) => {
    const content = Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
    const at = exports.skep_alloc(content.length, 8)
    bytes(at, content.length).set(content)
    return at
  }
  for (const [name, list] of Object.entries(fill)) {
    const { index } = metadata.maps.find((map) => map.name === name)
    for (const [key, value] of list) {
      const [k, v] = [put(key), put(value)]
      const errno = exports.skep_map_update(index, k, v, 0n)
      if (errno !== 0) throw new Error(`${name}: ${errno}`)
      exports.skep_free(k)
      exports.skep_free(v)
    }
  }
}

const dumps = (host) =>
  Object.fromEntries(
    host.metadata.maps
      .filter(({ operations }) => operations.includes('next_key') && operations.includes('lookup'))
      .map((map) => [map.name, elements(host, map)]),
  )

/** One packet after the other through the module's own packet buffer. */
export async function runPackets(wasm, program, packets, fill = {}) {
  const host = await open(wasm)
  const { exports, bytes } = host
  fillMaps(host, fill)
  const type = host.metadata.programs.find(({ name }) => name === program)
  const field = (name) => type.context.fields.find((f) => f.name === name).offset
  const verdicts = []
  let left = 0x811c9dc5
  for (const packet of packets) {
    bytes(exports.skep_packet(), packet.length).set(packet)
    const context = exports[`context_${program}`](packet.length)
    verdicts.push(exports[`run_${program}`](context) >>> 0)
    const view = new DataView(exports.memory.buffer, context)
    // What lies before an XDP packet as its metadata belongs to it.
    const data = view.getUint32(field(type.type === 'xdp' ? 'data_meta' : 'data'), true)
    left = digest(left, bytes(data, view.getUint32(field('data_end'), true) - data))
  }
  return { verdicts, left, texts: host.texts, maps: dumps(host) }
}

/** All packets in one call. */
export async function runBatch(wasm, program, packets, fill = {}) {
  const host = await open(wasm)
  const { exports, bytes } = host
  fillMaps(host, fill)
  const { packetContextSize } = host.metadata.programs.find(({ name }) => name === program)
  const headRoom = 256
  const tailRoom = 4096
  const before = 32
  const table = exports.skep_alloc(8 * packets.length, 8)
  const addresses = packets.map((packet) => {
    const head = Math.ceil((before + packetContextSize) / 16) * 16
    const block = exports.skep_alloc(head + headRoom + packet.length + tailRoom, 16)
    const at = block + head + headRoom
    bytes(at, packet.length).set(packet)
    exports[`init_${program}`](block + before, at, packet.length, tailRoom)
    return block + before
  })
  const results = table + 4 * packets.length
  new Uint32Array(exports.memory.buffer, table, packets.length).set(addresses)
  const done = exports[`batch_${program}`](table, packets.length, results)
  const verdicts = [...new Uint32Array(exports.memory.buffer, results, packets.length)]
  return { done, verdicts, texts: host.texts, maps: dumps(host) }
}

/** Packets from a file: for each its length in four bytes, little-endian, then the packet. */
export function readPackets(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const packets = []
  for (let at = 0; at < file.length; ) {
    const length = view.getUint32(at, true)
    packets.push(file.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return packets
}
