import type { LineInfo } from '@skep/registry'

/**
 * Records of `struct bpf_line_info` (four u32: insn_off, file_name_off, line_off, line_col) for lines whose texts are
 * strings of raw `btf`. A text that is not there is given as the empty string.
 */
export const lineInfoRecords = (btf: Uint8Array, lines: readonly LineInfo[]): Uint8Array => {
  const strings = new StringOffsets(btf)
  const records = lines.flatMap(({ insn, file, text, line, column }) => [
    insn,
    strings.find(file),
    strings.find(text),
    // BPF_LINE_INFO_LINE_NUM and BPF_LINE_INFO_LINE_COL
    (line << 10) | (column & 0x3ff),
  ])
  return new Uint8Array(Uint32Array.from(records).buffer)
}

/** Offsets of the strings in a BTF's table. */
class StringOffsets {
  readonly #table: Buffer
  readonly #known = new Map<string, number>()

  constructor(btf: Uint8Array) {
    const bytes = Buffer.from(btf.buffer, btf.byteOffset, btf.byteLength)
    const start = bytes.readUInt32LE(4) + bytes.readUInt32LE(16)
    this.#table = bytes.subarray(start, start + bytes.readUInt32LE(20))
    for (let at = 0; at < this.#table.length; ) {
      const end = this.#table.indexOf(0, at)
      if (end < 0) break
      const text = this.#table.toString('utf8', at, end)
      if (!this.#known.has(text)) this.#known.set(text, at)
      at = end + 1
    }
  }

  find(text: string): number {
    let at = this.#known.get(text)
    if (at === undefined) {
      // The end of a longer one.
      at = Math.max(0, this.#table.indexOf(`${text}\0`))
      this.#known.set(text, at)
    }
    return at
  }
}
