import { PT_REGS, PT_REGS_PARMS, PT_REGS_RC, recordFields } from '@skep/hook-kprobe'
import { tracepointOf } from '@skep/hook-kprobe/node'
import type { CollectionSpec, ProgramSpec } from '@skep/runtime'
import { assembleProgram } from './assemble-program.ts'
import {
  type BinaryOperator,
  type Builtin,
  type Clause,
  type Expression,
  type MapUse,
  type ProbeName,
  type Statement,
  TraceError,
} from './ast.ts'
import {
  type KeyKind,
  keyBytes,
  keySize,
  mapName,
  STACKS,
  TEXT_SIZE,
  type TraceMap,
  TraceMaps,
} from './maps.ts'

/** A probe with its program, and what the host passes to it. */
export interface Generated {
  readonly probe: ProbeName
  /** The program's name. */
  readonly program: string
  /** By which `probe` knows it: the attachment's cookie. */
  readonly index: number
  /** Paths of properties from the arguments: what the program has for arguments. */
  readonly paths: readonly (readonly string[])[]
}

export interface GeneratedTrace {
  readonly spec: CollectionSpec
  readonly probes: readonly Generated[]
  readonly maps: ReadonlyMap<string, TraceMap>
}

const TYPES: Readonly<Record<ProbeName['kind'], Pick<ProgramSpec, 'type' | 'section' | 'attachType'>>> = {
  kprobe: { type: 'kprobe', section: 'kprobe.multi', attachType: 'trace_kprobe_multi' },
  kretprobe: { type: 'kprobe', section: 'kretprobe.multi', attachType: 'trace_kprobe_multi' },
  session: { type: 'kprobe', section: 'kprobe.session', attachType: 'trace_kprobe_session' },
  usdt: { type: 'kprobe', section: 'usdt' },
  tracepoint: { type: 'tracepoint', section: 'tp' },
  profile: { type: 'perf_event', section: 'perf_event' },
}

/** Compiles clauses to one program for each probe. Throws TraceError. */
export function generate(clauses: readonly Clause[]): GeneratedTrace {
  const maps = new TraceMaps()
  const made: { readonly probe: Generated; readonly text: string }[] = []
  for (const clause of clauses) {
    for (const probe of clause.probes) {
      const index = made.length
      const program = `probe${index}`
      const generator = new Generator(probe, maps, pathsOf(clause))
      const text = generator.program(clause)
      made.push({ probe: { probe, program, index, paths: generator.paths }, text })
    }
  }
  const specs = maps.specs()
  return {
    probes: made.map(({ probe }) => probe),
    maps: maps.all,
    spec: {
      programs: made.map(({ probe, text }) =>
        assembleProgram(text, { name: probe.program, ...TYPES[probe.probe.kind] }),
      ),
      maps: specs,
      variables: [],
      license: 'GPL',
      notes: [],
    },
  }
}

/**
 * What a clause has of arguments, by register. Where it has no properties of them they stand as they come, which costs the
 * host least.
 */
function pathsOf({ body, filter }: Clause): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>()
  const visit = (expression: Expression): void => {
    if (expression.kind === 'argument') found.set(expression.path.join('.'), expression.path)
    else if (expression.kind === 'map') expression.map.keys.forEach(visit)
    else if (expression.kind === 'binary') [expression.left, expression.right].forEach(visit)
    else if ('of' in expression) visit(expression.of)
  }
  if (filter) visit(filter)
  for (const statement of body) {
    statement.map.keys.forEach(visit)
    if (statement.kind === 'assign') visit(statement.value)
    if (statement.kind === 'aggregate' && statement.of) visit(statement.of)
  }
  const paths = [...found.values()]
  const numbers = paths.map(([first]) => Number(first!.slice('arg'.length)))
  if (paths.some((path) => path.length > 1) || numbers.some((n) => !(n < REGISTERS))) return paths
  return Array.from({ length: Math.max(-1, ...numbers) + 1 }, (_, n) => [`arg${n}`])
}

const HELPER = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  map_delete_elem: 3,
  ktime_get_ns: 5,
  get_current_pid_tgid: 14,
  get_current_comm: 16,
  get_stackid: 27,
  probe_read_kernel_str: 115,
  get_attach_cookie: 174,
} as const

const STACK_SIZE = 512
const REGISTERS = 6
const COMPARISONS: Partial<Record<BinaryOperator, string>> = {
  '==': '==',
  '!=': '!=',
  '<': 's<',
  '<=': 's<=',
  '>': 's>',
  '>=': 's>=',
}
const ARITHMETIC: Partial<Record<BinaryOperator, string>> = {
  '+': '+=',
  '-': '-=',
  '*': '*=',
  '/': 's/=',
  '%': 's%=',
  '&': '&=',
  '|': '|=',
  '^': '^=',
  '<<': '<<=',
  '>>': 's>>=',
}

/** Bits of the halves by which a logarithm is found. */
const HALVES = [32, 16, 8, 4, 2, 1]

class Generator {
  readonly paths: readonly (readonly string[])[]
  readonly #probe: ProbeName
  readonly #maps: TraceMaps
  readonly #lines: string[] = []
  #labels = 0
  #stack = 0

  constructor(probe: ProbeName, maps: TraceMaps, paths: readonly (readonly string[])[]) {
    this.#probe = probe
    this.#maps = maps
    this.paths = paths
  }

  program({ body, filter }: Clause): string {
    // r6 is the context, and r7 what a session took, throughout.
    this.#emit('r6 = r1')
    if (this.#probe.kind === 'session') this.#session()
    if (filter) {
      this.#value(filter)
      this.#emit('if r0 == 0 goto end')
    }
    for (const statement of body) {
      this.#stack = 0
      this.#statement(statement)
    }
    this.#emit('end:', 'r0 = 0', 'exit')
    return this.#lines.join('\n')
  }

  #emit(...lines: readonly string[]): void {
    this.#lines.push(...lines)
  }

  #label(): string {
    return `l${this.#labels++}`
  }

  /** Bytes below r10: their offset. */
  #allocate(size: number, at: number): number {
    this.#stack += Math.ceil(size / 8) * 8
    if (this.#stack > STACK_SIZE) {
      throw new TraceError(
        `an action needs more than the ${STACK_SIZE} bytes of a program's stack: fewer keys`,
        at,
      )
    }
    return -this.#stack
  }

  #call(helper: keyof typeof HELPER): void {
    this.#emit(`call ${HELPER[helper]}`)
  }

  /** The entry keeps the time, and the return goes on with what has passed. */
  #session(): void {
    const atReturn = this.#label()
    this.#call('ktime_get_ns')
    this.#emit('r7 = r0', 'kcall bpf_session_cookie', 'r8 = r0', 'kcall bpf_session_is_return', 'r0 &= 255')
    this.#emit(`if r0 != 0 goto ${atReturn}`, '*(u64 *)(r8 + 0) = r7', 'r0 = 0', 'exit', `${atReturn}:`)
    this.#emit('r1 = *(u64 *)(r8 + 0)', 'r7 -= r1')
  }

  #statement(statement: Statement): void {
    const { map: use } = statement
    if (statement.kind === 'delete') {
      this.#key(use, this.#maps.use(use, this.#kinds(use.keys), undefined))
      this.#emit(`r1 = map ${mapName(use.name)}`)
      this.#call('map_delete_elem')
      return
    }
    const how = statement.kind === 'assign' ? 'assign' : statement.with
    const map = this.#maps.use(use, this.#kinds(use.keys), how)
    const value = statement.kind === 'assign' ? statement.value : statement.of
    const slot = this.#allocate(8, use.at)
    if (value) this.#value(value)
    else this.#emit('r0 = 1')
    if (how === 'hist') {
      this.#bucket()
      this.#emit(`*(u64 *)(r10 ${offset(slot)}) = r0`)
      const key = this.#key(use, map)
      this.#emit(`r1 = *(u64 *)(r10 ${offset(slot)})`)
      this.#emit(`*(u64 *)(r10 ${offset(key + keyBytes(map) - 8)}) = r1`)
      this.#emit('r1 = 1', `*(u64 *)(r10 ${offset(slot)}) = r1`)
      this.#pointKey(key)
    } else {
      this.#emit(`*(u64 *)(r10 ${offset(slot)}) = r0`)
      const key = this.#key(use, map)
      if (how === 'assign') {
        this.#update(map, key, slot)
        return
      }
      this.#pointKey(key)
    }
    this.#aggregate(map, how, slot)
  }

  /** The element gets its share, or is made with the value; r2 is the key's address, which is kept in r8. */
  #aggregate(map: TraceMap, how: string, slot: number): void {
    const [fresh, done] = [this.#label(), this.#label()]
    this.#emit('r8 = r2', `r1 = map ${mapName(map.name)}`)
    this.#call('map_lookup_elem')
    this.#emit(`if r0 == 0 goto ${fresh}`, `r1 = *(u64 *)(r10 ${offset(slot)})`)
    if (how === 'min' || how === 'max') {
      this.#emit('r2 = *(u64 *)(r0 + 0)', `if r1 ${how === 'min' ? 's>=' : 's<='} r2 goto ${done}`)
      this.#emit('*(u64 *)(r0 + 0) = r1')
    } else this.#emit('r2 = *(u64 *)(r0 + 0)', 'r2 += r1', '*(u64 *)(r0 + 0) = r2')
    this.#emit(`goto ${done}`, `${fresh}:`, 'r2 = r8', 'r3 = r10', `r3 += ${slot}`, 'r4 = 0')
    this.#emit(`r1 = map ${mapName(map.name)}`)
    this.#call('map_update_elem')
    this.#emit(`${done}:`)
  }

  #update(map: TraceMap, key: number, slot: number): void {
    this.#pointKey(key)
    this.#emit('r3 = r10', `r3 += ${slot}`, 'r4 = 0', `r1 = map ${mapName(map.name)}`)
    this.#call('map_update_elem')
  }

  #pointKey(key: number): void {
    this.#emit('r2 = r10', `r2 += ${key}`)
  }

  /** Writes a key to the stack; r2 is its address. */
  #key(use: MapUse, map: TraceMap): number {
    const size = keyBytes(map)
    const base = this.#allocate(size, use.at)
    if (map.keys.length === 0) this.#emit('r1 = 0', `*(u64 *)(r10 ${offset(base)}) = r1`)
    let at = base
    for (const [n, key] of use.keys.entries()) {
      const kind = map.keys[n]!
      if (kind === 'text') this.#text(key, at)
      else {
        this.#value(key)
        this.#emit(`*(u64 *)(r10 ${offset(at)}) = r0`)
      }
      at += keySize(kind)
    }
    this.#pointKey(base)
    return base
  }

  #kinds(keys: readonly Expression[]): readonly KeyKind[] {
    return keys.map((key) => {
      if (isText(key)) return 'text'
      if (key.kind !== 'builtin') return 'int'
      if (key.name === 'ustack' || key.name === 'kstack') return 'stack'
      return key.name === 'func' || key.name === 'probe' ? key.name : 'int'
    })
  }

  /** A text of TEXT_SIZE bytes, with zeros behind it, on the stack. */
  #text(expression: Expression, to: number): void {
    if (expression.kind === 'text') {
      for (const [n, word] of wordsOf(expression.value, TEXT_SIZE).entries())
        this.#emit(`r1 = ${word} ll`, `*(u64 *)(r10 ${offset(to + 8 * n)}) = r1`)
      return
    }
    // An address that comes of another helper is had before.
    if (expression.kind === 'str') {
      this.#value(expression.of, true)
      this.#emit('r9 = r0')
    }
    this.#emit('r1 = 0')
    for (let n = 0; n < TEXT_SIZE; n += 8) this.#emit(`*(u64 *)(r10 ${offset(to + n)}) = r1`)
    this.#emit('r1 = r10', `r1 += ${to}`)
    if (expression.kind === 'str') {
      this.#emit(`r2 = ${TEXT_SIZE}`, 'r3 = r9')
      this.#call('probe_read_kernel_str')
    } else {
      this.#emit('r2 = 16')
      this.#call('get_current_comm')
    }
  }

  /** A number in r0. `address`: texts are meant, by their addresses. */
  #value(expression: Expression, address = false): void {
    switch (expression.kind) {
      case 'number':
        if (expression.value >= 1n << 64n)
          throw new TraceError(`${expression.value} has more than 64 bits`, 0)
        this.#emit(`r0 = ${BigInt.asIntN(64, expression.value)} ll`)
        return
      case 'builtin':
        this.#builtin(expression.name, expression.at)
        return
      case 'argument':
        this.#argument(expression.path, expression.at, address)
        return
      case 'map':
        this.#read(expression.map)
        return
      case 'unary':
        this.#unary(expression)
        return
      case 'binary':
        this.#binary(expression)
        return
      case 'str':
        throw new TraceError(
          'a text is no number: it may be a key, or be compared with == and !=',
          expression.at,
        )
      case 'text':
        throw new TraceError(`the text "${expression.value}" is no number`, 0)
    }
  }

  #builtin(name: Builtin, at: number): void {
    const { kind } = this.#probe
    switch (name) {
      case 'nsecs':
        this.#call('ktime_get_ns')
        return
      case 'pid':
      case 'tid':
        this.#call('get_current_pid_tgid')
        if (name === 'tid') this.#emit('r0 <<= 32')
        this.#emit('r0 >>= 32')
        return
      case 'probe':
        this.#emit('r1 = r6')
        this.#call('get_attach_cookie')
        return
      case 'func':
        if (kind === 'tracepoint') throw new TraceError('a tracepoint has no func; probe has its name', at)
        this.#emit(`r0 = *(u64 *)(r6 + ${PT_REGS.ip})`)
        return
      case 'retval':
        if (kind !== 'kretprobe' && kind !== 'session')
          throw new TraceError(`${kind} has no retval; kretprobe has`, at)
        this.#emit(`r0 = *(u64 *)(r6 + ${PT_REGS_RC})`)
        return
      case 'ustack':
      case 'kstack':
        this.#maps.usesStacks = true
        this.#emit('r1 = r6', `r2 = map ${STACKS}`, 'r3 = 0')
        this.#call('get_stackid')
        return
      case 'elapsed':
        this.#emit('r0 = r7')
        return
      case 'comm':
        throw new TraceError('comm is a text: it may be a key, or be compared with == and !=', at)
    }
  }

  #argument(path: readonly string[], at: number, address: boolean): void {
    const { kind, text } = this.#probe
    if (kind === 'tracepoint') {
      this.#field(path, at, address)
      return
    }
    if (path[0] === 'args' || (kind !== 'kprobe' && kind !== 'usdt')) {
      throw new TraceError(
        `${text} has no ${path[0]}; arguments are of kprobe and usdt, args of tracepoint`,
        at,
      )
    }
    const index = this.paths.findIndex((one) => one.join('.') === path.join('.'))
    if (index >= REGISTERS)
      throw new TraceError(`a clause has more than ${REGISTERS} different arguments`, at)
    this.#emit(`r0 = *(u64 *)(r6 + ${PT_REGS_PARMS[index]})`)
  }

  #field([first, name, ...more]: readonly string[], at: number, address: boolean): void {
    const { fields } = recordFields(tracepointOf(this.#probe.target))
    const field = fields.find((one) => one.name === name)
    if (first !== 'args' || !field || more.length > 0) {
      const known = fields.map((one) => `args.${one.name}`).join(', ')
      throw new TraceError(`${this.#probe.text} has ${known}`, at)
    }
    const unsigned = `u${field.size * 8}`
    this.#emit(`r0 = *(${unsigned} *)(r6 + ${field.offset})`)
    if (field.type === 'string') {
      if (!address) throw new TraceError(`args.${name} is a text; write str(args.${name})`, at)
      this.#emit('r0 &= 0xffff', 'r1 = r6', 'r1 += r0', 'r0 = r1')
    } else if (field.type.startsWith('s') && field.size < 8) {
      this.#emit(`r0 <<= ${64 - field.size * 8}`, `r0 s>>= ${64 - field.size * 8}`)
    }
  }

  #read(use: MapUse): void {
    const map = this.#maps.use(use, this.#kinds(use.keys), undefined)
    this.#key(use, map)
    const absent = this.#label()
    this.#emit(`r1 = map ${mapName(use.name)}`)
    this.#call('map_lookup_elem')
    this.#emit(`if r0 == 0 goto ${absent}`, 'r0 = *(u64 *)(r0 + 0)', `${absent}:`)
  }

  #unary({ operator, of }: Extract<Expression, { kind: 'unary' }>): void {
    this.#value(of)
    if (operator === '-') this.#emit('r0 = -r0')
    else if (operator === '~') this.#emit('r0 ^= -1')
    else this.#boolean('if r0 == 0')
  }

  /** 1 where the jump is made, 0 elsewhere. */
  #boolean(condition: string): void {
    const [yes, done] = [this.#label(), this.#label()]
    this.#emit(`${condition} goto ${yes}`, 'r0 = 0', `goto ${done}`, `${yes}:`, 'r0 = 1', `${done}:`)
  }

  #binary(expression: Extract<Expression, { kind: 'binary' }>): void {
    const { operator, left, right, at } = expression
    if (isText(left) || isText(right)) {
      this.#compareTexts(expression)
      return
    }
    this.#value(left)
    if (operator === '&&' || operator === '||') {
      const done = this.#label()
      this.#boolean('if r0 != 0')
      this.#emit(`if r0 ${operator === '&&' ? '==' : '!='} 0 goto ${done}`)
      this.#value(right)
      this.#boolean('if r0 != 0')
      this.#emit(`${done}:`)
      return
    }
    const slot = this.#allocate(8, at)
    this.#emit(`*(u64 *)(r10 ${offset(slot)}) = r0`)
    this.#value(right)
    this.#emit('r1 = r0', `r0 = *(u64 *)(r10 ${offset(slot)})`)
    const comparison = COMPARISONS[operator]
    if (comparison) this.#boolean(`if r0 ${comparison} r1`)
    else this.#emit(`r0 ${ARITHMETIC[operator]} r1`)
  }

  #compareTexts({ operator, left, right, at }: Extract<Expression, { kind: 'binary' }>): void {
    const [text, literal] = left.kind === 'text' ? [right, left] : [left, right]
    if ((operator !== '==' && operator !== '!=') || literal.kind !== 'text' || !isText(text)) {
      throw new TraceError('a text is compared with == or != to one in quotes', at)
    }
    const room = this.#allocate(TEXT_SIZE, at)
    this.#text(text, room)
    const [differs, done] = [this.#label(), this.#label()]
    // As far as the literal's NUL: what is behind does not count.
    const words = wordsOf(literal.value, TEXT_SIZE)
    for (const [n, word] of words.entries()) {
      this.#emit(`r0 = *(u64 *)(r10 ${offset(room + 8 * n)})`, `r1 = ${word} ll`)
      this.#emit(`if r0 != r1 goto ${differs}`)
    }
    const [same, other] = operator === '==' ? [1, 0] : [0, 1]
    this.#emit(`r0 = ${same}`, `goto ${done}`, `${differs}:`, `r0 = ${other}`, `${done}:`)
  }

  /** Of a number in r0 the bucket: 0 for negative ones, 1 for 0, then one for each power of two. */
  #bucket(): void {
    const done = this.#label()
    this.#emit('r1 = 0', `if r0 s< 0 goto ${done}`, 'r1 = 1', `if r0 == 0 goto ${done}`, 'r1 = 2')
    for (const bits of HALVES) {
      const low = this.#label()
      this.#emit('r2 = r0', `r2 >>= ${bits}`, `if r2 == 0 goto ${low}`, `r1 += ${bits}`, 'r0 = r2', `${low}:`)
    }
    this.#emit(`${done}:`, 'r0 = r1')
  }
}

const isText = (expression: Expression): boolean =>
  expression.kind === 'str' ||
  expression.kind === 'text' ||
  (expression.kind === 'builtin' && expression.name === 'comm')

const offset = (at: number): string => (at < 0 ? `- ${-at}` : `+ ${at}`)

/** A text as numbers of 8 bytes, with zeros behind it; cut where there is no room for its NUL. */
function wordsOf(text: string, size: number): bigint[] {
  const bytes = new Uint8Array(size)
  new TextEncoder().encodeInto(text, bytes.subarray(0, size - 1))
  return [...new BigInt64Array(bytes.buffer)]
}
