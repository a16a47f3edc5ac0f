/** A type as C's declarations of kernel functions spell it. */
export interface CType {
  /** `int`, `unsigned long`, `u64`, the name of a struct; `function` for what a pointer to a function points to. */
  readonly base: string
  readonly kind: 'void' | 'integer' | 'struct' | 'function'
  /** Stars behind it. */
  readonly pointers: number
}

export interface CParam {
  readonly name: string
  readonly type: CType
}

/** A function as C declares it. */
export interface CPrototype {
  readonly name: string
  readonly returns: CType
  readonly params: readonly CParam[]
}

/** Integers that declarations may name: bytes, and whether they have a sign. */
export const C_INTEGERS: Readonly<Record<string, { readonly size: number; readonly signed: boolean }>> = {
  bool: { size: 1, signed: false },
  char: { size: 1, signed: true },
  int: { size: 4, signed: true },
  'unsigned int': { size: 4, signed: false },
  'unsigned long': { size: 8, signed: false },
  size_t: { size: 8, signed: false },
  u8: { size: 1, signed: false },
  u16: { size: 2, signed: false },
  u32: { size: 4, signed: false },
  u64: { size: 8, signed: false },
  s32: { size: 4, signed: true },
  s64: { size: 8, signed: true },
}

const FUNCTION_POINTER = /^[\w\s*]+\(\s*\*\s*(\w+)\s*\)\s*\(.*\)$/s
const DECLARATOR = /^(?:const\s+)?(struct\s+)?(\w+(?:\s+\w+)??)\s*(\*[*\s]*|\s)\s*(\w+)$/

/**
 * Reads `int f(struct s *p, u32 n__sz)`: integers, structs and pointers to them, and pointers to functions. Undefined for
 * anything else.
 */
export function parsePrototype(text: string): CPrototype | undefined {
  const open = text.indexOf('(')
  const source = text.trim()
  if (open < 0 || !source.endsWith(')')) return undefined
  const head = declarator(text.slice(0, open).trim())
  const inner = source.slice(source.indexOf('(') + 1, -1).trim()
  if (!head) return undefined
  const params: CParam[] = []
  for (const part of inner === 'void' || inner === '' ? [] : topLevel(inner)) {
    const param = declarator(part.trim())
    if (!param || (param.type.kind === 'void' && param.type.pointers === 0)) return undefined
    params.push(param)
  }
  return { name: head.name, returns: head.type, params }
}

function declarator(text: string): CParam | undefined {
  const callback = FUNCTION_POINTER.exec(text)
  if (callback) return { name: callback[1]!, type: { base: 'function', kind: 'function', pointers: 1 } }
  const found = DECLARATOR.exec(text)
  if (!found) return undefined
  const [, struct, words, stars, name] = found
  const base = words!.replaceAll(/\s+/g, ' ')
  const pointers = stars!.replaceAll(/\s/g, '').length
  const kind = struct ? 'struct' : base === 'void' ? 'void' : base in C_INTEGERS ? 'integer' : undefined
  return kind && { name: name!, type: { base, kind, pointers } }
}

/** Parts between the commas that no parenthesis encloses. */
function topLevel(text: string): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)]
}
