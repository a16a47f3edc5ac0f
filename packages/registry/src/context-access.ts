import type { ContextDef, ContextField, StructContext } from './context.ts'

const allowed = (
  rule: boolean | readonly string[] | undefined,
  otherwise: boolean,
  attachType: string,
): boolean => (rule === undefined ? otherwise : typeof rule === 'boolean' ? rule : rule.includes(attachType))

/** Whether a load or store of `size` bytes, `at` bytes into a field, has a width that the field takes. */
function widthAllowed(field: ContextField, at: number, size: number, write: boolean): boolean {
  if (at + size > field.size) return false
  const unit = field.unit ?? field.size
  const within = at % unit
  if (size < Math.max(field.minWidth ?? 1, write ? (field.minWriteWidth ?? 1) : 1)) return false
  if (size < unit && field.narrowTo !== undefined && within + size > field.narrowTo) return false
  switch (write && field.writeExact ? 'exact' : (field.widths ?? 'narrow')) {
    case 'exact':
      return size === unit && within === 0
    case 'narrow':
      return size <= unit
    case 'first':
      return size <= unit && within === 0
    case 'any':
      return true
  }
}

/**
 * The field that a load or store of `size` bytes at a fixed offset of a struct context touches, or undefined where the
 * program may not (the is_valid_access functions of net/core/filter.c and others). `attachType` is a name, '' for none.
 */
export function contextFieldAt(
  context: StructContext,
  off: number,
  size: number,
  write: boolean,
  attachType: string,
): ContextField | undefined {
  if (off < 0 || off + size > context.size || off % size !== 0) return undefined
  const field = context.fields.find((f) => off >= f.offset && off < f.offset + f.size)
  if (!field || !widthAllowed(field, off - field.offset, size, write)) return undefined
  return allowed(write ? field.write : field.read, !write, attachType) ? field : undefined
}

/** The same for any context; contexts without fields answer whether the access is allowed at all. */
export function contextAllows(
  context: ContextDef,
  off: number,
  size: number,
  write: boolean,
  attachType: string,
): boolean {
  switch (context.kind) {
    case 'raw':
      if (off < (context.start ?? 0) || off + size > context.size || off % size !== 0) return false
      return (!write || context.writable === true) && (context.widths?.includes(size) ?? true)
    case 'args':
      return !write && off >= 0 && off < context.max * 8 && off % size === 0
    case 'struct': {
      const field = contextFieldAt(context, off, size, write, attachType)
      return field !== undefined && !(write && field.pointer)
    }
  }
}
