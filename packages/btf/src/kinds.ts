/** BTF_KIND_* (include/uapi/linux/btf.h). */
export const BTF_KIND = {
  VOID: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const

export type BtfKind = (typeof BTF_KIND)[keyof typeof BTF_KIND]

/** How a kind lies in memory: the 12 bytes of struct btf_type, a fixed part, then `vlen` elements. Word indexes. */
export interface KindShape {
  /** The lower-case kernel name: `func_proto`. */
  readonly name: string
  /** Bytes after struct btf_type. */
  readonly fixed: number
  /** Bytes of each element. */
  readonly each: number
  /** The third word is a type id, not a size. */
  readonly target: boolean
  /** Words of the fixed part that are type ids. */
  readonly fixedTypes: readonly number[]
  /** The word of an element that is a string offset, and the one that is a type id; -1 for none. */
  readonly eachName: number
  readonly eachType: number
}

const shape = (
  name: string,
  fixed = 0,
  each = 0,
  target = false,
  fixedTypes: readonly number[] = [],
  eachName = -1,
  eachType = -1,
): KindShape => ({ name, fixed, each, target, fixedTypes, eachName, eachType })

/** By kind. */
export const KIND_SHAPES: readonly KindShape[] = [
  shape('void'),
  shape('int', 4),
  shape('ptr', 0, 0, true),
  shape('array', 12, 0, false, [0, 1]),
  shape('struct', 0, 12, false, [], 0, 1),
  shape('union', 0, 12, false, [], 0, 1),
  shape('enum', 0, 8, false, [], 0),
  shape('fwd'),
  shape('typedef', 0, 0, true),
  shape('volatile', 0, 0, true),
  shape('const', 0, 0, true),
  shape('restrict', 0, 0, true),
  shape('func', 0, 0, true),
  shape('func_proto', 0, 8, true, [], 0, 1),
  shape('var', 4, 0, true),
  shape('datasec', 0, 12, false, [], -1, 0),
  shape('float'),
  shape('decl_tag', 4, 0, true),
  shape('type_tag', 0, 0, true),
  shape('enum64', 0, 12, false, [], 0),
]

/** vlen of a FUNC, and of VAR: `static`, `global`, `extern`. */
export const BTF_LINKAGE = { STATIC: 0, GLOBAL: 1, EXTERN: 2 } as const
