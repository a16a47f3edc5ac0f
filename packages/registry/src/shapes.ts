import * as z from 'zod/mini'
import { parsePrototype } from './c-prototype.ts'
import { checkLower } from './lower.ts'

/**
 * What the define* functions check, by kind of definition. Each is built when a definition of its kind is first checked:
 * a program that defines nothing pays for none.
 */
export type ShapeName =
  | 'helper'
  | 'kfunc'
  | 'mapType'
  | 'programType'
  | 'context'
  | 'attachPoint'
  | 'loader'
  | 'engine'
  | 'plugin'

type Shape = z.ZodMiniType<unknown>

const text = (): z.ZodMiniString<string> => z.string()
const flag = (): Shape => z.optional(z.boolean())
const texts = (): z.ZodMiniArray<z.ZodMiniString<string>> => z.array(z.string())
const fn = (): z.ZodMiniType<unknown> => z.custom((f) => typeof f === 'function', 'a function')
const optional = (shape: Shape): Shape => z.optional(shape)
const byName = (shape: Shape): Shape => z.record(z.string(), shape)
const matching = (pattern: RegExp, what: string): Shape => z.string().check(z.regex(pattern, what))
const natural = (): Shape => z.int().check(z.nonnegative())
const positive = (): Shape => z.int().check(z.positive())
const open = (): Shape => z.looseObject({})
const kind = (): Shape => z.looseObject({ kind: z.string() })
const identifier = (): Shape => matching(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a C identifier')
const lowerCase = (): Shape => matching(/^[a-z][a-z0-9_]*$/, 'lower case letters, digits and _')
const args = (): Shape => z.array(kind()).check(z.maxLength(5, 'at most 5 arguments: r1 to r5'))
const programTypes = (): Shape => z.union([z.literal('all'), texts()])
const wasm = (): Shape => z.object({ module: z.looseObject({ name: z.string() }), export: z.string() })
const range = (): Shape => z.object({ min: z.number(), max: z.number() })

interface HelperLike {
  readonly args: readonly unknown[]
  readonly variadic?: boolean
  readonly lower?: unknown
}

function helper(): Shape {
  const shape = z.strictObject({
    name: identifier(),
    id: natural(),
    args: args(),
    returns: kind(),
    gplOnly: flag(),
    programTypes: optional(programTypes()),
    attachTypes: optional(byName(texts())),
    attachTo: optional(byName(texts())),
    probe: optional(byName(z.union([z.literal(true), texts()]))),
    capability: optional(z.enum(['bpf', 'perfmon'])),
    feature: optional(text()),
    capabilityFree: optional(texts()),
    variants: optional(z.array(z.looseObject({ programTypes: texts() }))),
    fastcall: flag(),
    changesPacketData: flag(),
    pktAccess: flag(),
    mightSleep: flag(),
    variadic: flag(),
    mapOp: optional(text()),
    tailCall: flag(),
    call: optional(fn()),
    wasm: optional(wasm()),
    lower: z.optional(z.array(z.unknown())),
    absent: optional(text()),
    verify: optional(open()),
  })
  return shape.check(({ value, issues }) => {
    const { args, variadic, lower } = value as HelperLike
    const found = lower === undefined ? '' : checkLower(lower, variadic ? 5 : args.length)
    if (typeof found === 'string') return
    issues.push({ code: 'custom', input: lower, path: ['lower', ...found.path], message: found.message })
  })
}

interface KfuncLike {
  readonly name: string
  readonly args?: unknown
  readonly returns?: unknown
  readonly prototype?: string
}

function kfunc(): Shape {
  return z
    .strictObject({
      name: identifier(),
      args: optional(args()),
      returns: optional(kind()),
      flags: optional(texts()),
      programTypes: optional(programTypes()),
      attachTypes: optional(byName(texts())),
      verify: optional(open()),
      prototype: optional(
        z
          .string()
          .check(
            z.refine(
              (declaration) => parsePrototype(declaration) !== undefined,
              'a declaration in C, as `int f(struct s *p, u32 n)`',
            ),
          ),
      ),
      structs: optional(byName(natural())),
      call: optional(fn()),
      wasm: optional(wasm()),
      absent: optional(text()),
    })
    .check(
      z.refine(
        (one) => ((one as KfuncLike).args === undefined) === ((one as KfuncLike).returns === undefined),
        { message: 'args and returns go together', path: ['returns'] },
      ),
      z.refine(
        (one) => {
          const { name, prototype } = one as KfuncLike
          return !prototype || parsePrototype(prototype)?.name === name
        },
        { message: 'declares a function of another name', path: ['prototype'] },
      ),
    )
}

function mapType(): Shape {
  return z.strictObject({
    name: lowerCase(),
    id: positive(),
    check: fn(),
    complete: optional(fn()),
    value: z.enum(['plain', 'percpu', 'program', 'map', 'opaque']),
    innerEntries: flag(),
    redirect: optional(z.object({ to: z.enum(['device', 'cpu']), program: optional(text()) })),
    batches: optional(texts()),
    countsChanges: flag(),
    keyless: optional(z.enum(['sequence', 'bits'])),
    helpers: optional(texts()),
    verify: optional(open()),
    wasm: optional(
      z.object({
        module: z.looseObject({ name: z.string() }),
        init: text(),
        free: text(),
        ops: byName(text()),
        variant: optional(fn()),
        array: flag(),
        perCpuArray: flag(),
        slots: flag(),
        lowerLookup: optional(fn()),
        quiet: flag(),
      }),
    ),
    create: optional(fn()),
    absent: optional(text()),
  })
}

interface StructLike {
  readonly size: number
  readonly fields: readonly { readonly offset: number; readonly size: number }[]
}

function context(): Shape {
  return z.discriminatedUnion('kind', [
    z
      .looseObject({
        kind: z.literal('struct'),
        name: z.string(),
        size: positive(),
        fields: z.array(z.looseObject({ name: z.string(), offset: natural(), size: positive() })),
      })
      .check(
        z.refine((struct) => {
          const { size, fields } = struct as unknown as StructLike
          return fields.every((field) => field.offset + field.size <= size)
        }, 'a field ends past the struct'),
      ),
    z.looseObject({ kind: z.literal('raw'), name: z.string(), size: natural() }),
    z.looseObject({ kind: z.literal('args'), name: z.string(), max: natural(), btf: z.boolean() }),
  ])
}

function programType(): Shape {
  return z.strictObject({
    name: lowerCase(),
    id: natural(),
    context: context(),
    helpers: optional(texts()),
    returns: optional(range()),
    attachTypes: optional(
      byName(
        z.object({
          id: z.int(),
          returns: optional(range()),
          sleepable: flag(),
          target: optional(z.enum(['tracepoint', 'iterator', 'function'])),
          targetPrefix: optional(text()),
          functions: optional(open()),
          targetArgs: optional(byName(byName(open()))),
        }),
      ),
    ),
    verdicts: optional(byName(text())),
    constants: optional(byName(natural())),
    packetAccess: optional(z.enum(['none', 'read', 'write'])),
    packetToAnyHelper: flag(),
    tracing: flag(),
    perfmon: flag(),
    noSpinLock: flag(),
    strictAttachType: flag(),
    plainContext: flag(),
    kfuncs: flag(),
    legacyLoads: flag(),
    unprivileged: flag(),
    gplOnly: flag(),
    sleepable: optional(z.union([z.boolean(), z.literal('optional')])),
    zeroAttachType: optional(text()),
    structOps: optional(byName(open())),
    structWrites: optional(z.array(z.looseObject({ struct: z.string() }))),
    sections: optional(z.array(z.looseObject({ name: z.string() }))),
    testRun: optional(fn()),
  })
}

function plugin(): Shape {
  const list = (): Shape => optional(z.array(z.looseObject({ name: z.string() })))
  return z.strictObject({
    name: z.string().check(z.minLength(1)),
    helpers: list(),
    kfuncs: list(),
    mapTypes: list(),
    programTypes: list(),
    attachPoints: list(),
    loaders: list(),
    engines: list(),
    freeFields: optional(wasm()),
  })
}

const makers: Readonly<Record<ShapeName, () => Shape>> = {
  helper,
  kfunc,
  mapType,
  programType,
  context,
  attachPoint: () =>
    z.strictObject({ name: text(), programTypes: texts().check(z.minLength(1)), attach: fn() }),
  loader: () => z.strictObject({ name: text(), detect: fn(), parse: fn() }),
  engine: () => z.strictObject({ name: text(), checked: z.boolean(), create: fn(), remote: optional(fn()) }),
  plugin,
}

const made = new Map<ShapeName, Shape>()

/** The shape of a kind of definition, built at the first call. */
export function shapeOf(name: ShapeName): Shape {
  let shape = made.get(name)
  if (!shape) {
    shape = makers[name]()
    made.set(name, shape)
  }
  return shape
}
