import type { Row } from '@skep/registry'
import * as z from 'zod'
import { RefusedError } from './report.ts'

// No pattern of pairs: on megabytes that takes more stack than there is.
const hex = z
  .string()
  .refine((text) => text.length % 2 === 0 && !/[^0-9a-f]/i.test(text), 'an even number of hex digits')
const base64 = z.base64()
const u32 = z.number().int().min(0).max(0xffff_ffff)
const type = z.union([z.string(), u32])

const map: z.ZodType = z.object({
  name: z.string().optional(),
  type,
  key_size: u32.optional(),
  value_size: u32.optional(),
  max_entries: u32.optional(),
  flags: u32.optional(),
  map_extra: z.number().int().nonnegative().optional(),
  inner: z.union([u32, z.lazy(() => map), z.null()]).optional(),
  frozen: z.boolean().optional(),
  init: hex.optional(),
  btf: base64.optional(),
  btf_key: u32.optional(),
  btf_value: u32.optional(),
})

const row = z.object({
  name: z.string().optional(),
  type,
  attach_type: type.optional(),
  flags: u32.optional(),
  license: z.string().optional(),
  unprivileged: z.boolean().optional(),
  insns: hex,
  maps: z.array(map).optional(),
  refs: z.array(z.object({ insn: u32, map: u32 })).optional(),
  kfuncs: z.array(z.object({ insn: u32, name: z.string() })).optional(),
  attach_to: z.string().nullable().optional(),
  btf: base64.optional(),
  func_info: hex.optional(),
  data: hex.optional(),
  ctx: hex.optional(),
  repeat: z.number().int().min(1).max(1_000_000).optional(),
})

/** Checks a row's shape; throws RefusedError BAD_ROW with the path to the field. Unknown fields are let through. */
export function checkRow(value: unknown): Row {
  const result = parse(value)
  if (result.success) return result.data as Row
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || '(row)'}: ${issue.message}`)
  throw new RefusedError('BAD_ROW', problems.join('; '))
}

function parse(value: unknown): ReturnType<typeof row.safeParse> {
  try {
    return row.safeParse(value)
  } catch (error) {
    if (error instanceof RangeError) throw new RefusedError('BAD_ROW', 'maps: nested too deep')
    throw error
  }
}
