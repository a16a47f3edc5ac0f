// A few instructions as bytes, so that these tests stand on their own feet.

/** One 8-byte slot. */
export const slot = (code: number, dst = 0, src = 0, off = 0, imm = 0): number[] => [
  code,
  dst | (src << 4),
  off & 0xff,
  (off >> 8) & 0xff,
  imm & 0xff,
  (imm >> 8) & 0xff,
  (imm >> 16) & 0xff,
  (imm >>> 24) & 0xff,
]

export const movImm = (dst: number, imm: number): number[] => slot(0xb7, dst, 0, 0, imm)
export const mov = (dst: number, src: number): number[] => slot(0xbf, dst, src)
export const addImm = (dst: number, imm: number): number[] => slot(0x07, dst, 0, 0, imm)
/** dst = *(u8|u32|u64 *)(src + off) */
export const load = (size: 1 | 4 | 8, dst: number, src: number, off: number): number[] =>
  slot({ 1: 0x71, 4: 0x61, 8: 0x79 }[size], dst, src, off)
/** *(u32 *)(dst + off) = imm */
export const storeImm32 = (dst: number, off: number, imm: number): number[] => slot(0x62, dst, 0, off, imm)
/** *(u64 *)(dst + off) += src, atomically */
export const atomicAdd = (dst: number, src: number, off: number): number[] => slot(0xdb, dst, src, off)
/** ld_imm64 of a map: the file descriptor goes into imm. */
export const loadMap = (dst: number, fd = 0): number[] => [...slot(0x18, dst, 1, 0, fd), ...slot(0)]
/** ld_imm64 of the address `off` bytes into a map's first value. */
export const loadMapValue = (dst: number, off: number, fd = 0): number[] => [
  ...slot(0x18, dst, 2, 0, fd),
  ...slot(0, 0, 0, 0, off),
]
export const call = (helper: number): number[] => slot(0x85, 0, 0, 0, helper)
export const callKfunc = (): number[] => slot(0x85, 0, 2)
/** A call of the subprogram `off` slots after the next one. */
export const callNear = (off: number): number[] => slot(0x85, 0, 1, 0, off)
export const jeqImm = (dst: number, imm: number, off: number): number[] => slot(0x15, dst, 0, off, imm)
export const jltImm = (dst: number, imm: number, off: number): number[] => slot(0xa5, dst, 0, off, imm)
export const jgt = (dst: number, src: number, off: number): number[] => slot(0x2d, dst, src, off)
export const exit = (): number[] => slot(0x95)

export const program = (...slots: number[][]): Uint8Array => Uint8Array.from(slots.flat())
export const hex = (...slots: number[][]): string => Buffer.from(slots.flat()).toString('hex')

/** r0 = 2 (XDP_PASS) */
export const pass: number[][] = [movImm(0, 2), exit()]

/** XDP: the packet's first byte, or 0 (XDP_ABORTED) when it has none. */
export const firstByte: number[][] = [
  load(4, 2, 1, 0),
  load(4, 3, 1, 4),
  mov(4, 2),
  addImm(4, 1),
  movImm(0, 0),
  jgt(4, 3, 1),
  load(1, 0, 2, 0),
  exit(),
]

/** Adds one to the u64 of element 0 of the map that slot 4 refers to; returns 1. */
export const count = (fd = 0): number[][] => [
  storeImm32(10, -4, 0),
  mov(2, 10),
  addImm(2, -4),
  movImm(0, 0),
  loadMap(1, fd),
  call(1),
  jeqImm(0, 0, 2),
  movImm(1, 1),
  atomicAdd(0, 1, 0),
  movImm(0, 1),
  exit(),
]
