import {
  type Aggregate,
  type BinaryOperator,
  type Builtin,
  type Clause,
  type Expression,
  type MapUse,
  type ProbeName,
  type Statement,
  TraceError,
} from './ast.ts'

const AGGREGATES: readonly string[] = ['count', 'sum', 'min', 'max', 'hist']
const BUILTINS: readonly string[] = [
  'nsecs',
  'pid',
  'tid',
  'func',
  'probe',
  'comm',
  'retval',
  'ustack',
  'kstack',
]
/** bpftrace's, and those of libbpf's section names. */
const KINDS: Readonly<Record<string, ProbeName['kind']>> = {
  kprobe: 'kprobe',
  k: 'kprobe',
  uprobe: 'kprobe',
  u: 'kprobe',
  kretprobe: 'kretprobe',
  kr: 'kretprobe',
  uretprobe: 'kretprobe',
  ur: 'kretprobe',
  usdt: 'usdt',
  U: 'usdt',
  tracepoint: 'tracepoint',
  t: 'tracepoint',
  profile: 'profile',
  p: 'profile',
}
/** As in C, the loosest first. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
]
/** Deeper ones are a mistake, and would use up the host's stack. */
const DEEPEST = 64

/** The probe that a text names: `kprobe:MODULE:PATH`, `usdt:CHANNEL`, … Throws TraceError. */
export function parseProbe(text: string, at = 0): ProbeName {
  const [word = '', ...rest] = text.split(':')
  const kind = Object.hasOwn(KINDS, word) ? KINDS[word] : undefined
  if (!kind) {
    throw new TraceError(
      `${text}: no kind of probe; there are kprobe, kretprobe, uprobe, uretprobe, usdt, tracepoint and profile`,
      at,
    )
  }
  const bad = (form: string): TraceError => new TraceError(`${text}: write ${form}`, at)
  if (kind === 'kprobe' || kind === 'kretprobe') {
    const target = rest.pop()
    const module = rest.join(':')
    if (!target || !module) throw bad(`${word}:MODULE:FUNCTION, as in ${word}:http:Server.prototype.emit`)
    return { kind, module, target, text }
  }
  if (kind === 'profile') {
    const [unit, rate] = rest
    if (unit !== 'hz' || !/^[1-9]\d{0,4}$/.test(rate ?? '')) throw bad(`${word}:hz:RATE, as in profile:hz:99`)
    return { kind, module: '', target: rate!, text }
  }
  if (rest.join(':') === '') throw bad(`${word}:NAME`)
  return { kind, module: '', target: rest.join(':'), text }
}

/** Reads a program. Throws TraceError. */
export function parseProgram(text: string): readonly Clause[] {
  return new Parser(text).program()
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  program(): readonly Clause[] {
    const clauses: Clause[] = []
    for (this.#space(); this.#at < this.#text.length; this.#space()) clauses.push(this.#clause())
    if (clauses.length === 0)
      throw this.#wrong('an empty program; write PROBE { ACTION }, as in kprobe:fs:readFile { @ = count() }')
    return clauses
  }

  #wrong(message: string, at = this.#at): TraceError {
    return new TraceError(message, at)
  }

  #space(): void {
    this.#match(/(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  /** Takes a sign, if it is there. */
  #take(sign: string): boolean {
    this.#space()
    if (!this.#text.startsWith(sign, this.#at)) return false
    this.#at += sign.length
    return true
  }

  #expect(sign: string): void {
    if (this.#take(sign)) return
    const found = this.#at < this.#text.length ? `"${this.#text.slice(this.#at, this.#at + 12)}"` : 'the end'
    throw this.#wrong(`expected "${sign}", found ${found}`)
  }

  #clause(): Clause {
    const probes: ProbeName[] = []
    do {
      this.#space()
      const at = this.#at
      const name = this.#match(/[^\s,{]+/y)
      if (name === undefined) throw this.#wrong('expected a probe')
      probes.push(parseProbe(name, at))
    } while (this.#take(','))
    let filter: Expression | undefined
    if (this.#take('/')) {
      filter = this.#expression(true)
      this.#expect('/')
    }
    this.#expect('{')
    const body: Statement[] = []
    while (!this.#take('}')) {
      body.push(this.#statement())
      if (!this.#take(';')) {
        this.#expect('}')
        break
      }
    }
    return { probes, body, ...(filter ? { filter } : {}) }
  }

  #statement(): Statement {
    this.#space()
    const at = this.#at
    if (this.#match(/delete\b/y)) {
      this.#expect('(')
      const map = this.#map()
      this.#expect(')')
      return { kind: 'delete', map }
    }
    if (this.#text[this.#at] !== '@') {
      throw this.#wrong(
        'an action begins with a map or delete: @name[keys] = count(), sum(…), min(…), max(…), hist(…) or a value',
        at,
      )
    }
    const map = this.#map()
    if (this.#take('++')) return { kind: 'aggregate', map, with: 'count' }
    this.#expect('=')
    this.#space()
    const begin = this.#at
    const word = this.#match(/[a-z]+(?=\s*\()/y)
    if (word === undefined || !AGGREGATES.includes(word)) {
      this.#at = begin
      return { kind: 'assign', map, value: this.#expression() }
    }
    this.#expect('(')
    if (word === 'count') {
      this.#expect(')')
      return { kind: 'aggregate', map, with: 'count' }
    }
    const of = this.#expression()
    this.#expect(')')
    return { kind: 'aggregate', map, with: word as Aggregate, of }
  }

  #map(): MapUse {
    this.#space()
    const at = this.#at
    const name = this.#match(/@\w*/y)
    if (name === undefined) throw this.#wrong('expected a map, as in @ or @name[keys]')
    const keys: Expression[] = []
    if (this.#take('[')) {
      do keys.push(this.#expression())
      while (this.#take(','))
      this.#expect(']')
    }
    return { name, keys, at }
  }

  /** `inFilter`: a slash ends it, unless it is in parentheses. */
  #expression(inFilter = false, level = 0): Expression {
    if (level === LEVELS.length) return this.#unary()
    if (++this.#depth > DEEPEST * LEVELS.length) throw this.#wrong('an expression is too deep')
    let left = this.#expression(inFilter, level + 1)
    for (;;) {
      this.#space()
      const at = this.#at
      const operator = this.#operator(LEVELS[level]!, inFilter)
      if (!operator) break
      const right = this.#expression(inFilter, level + 1)
      left = { kind: 'binary', operator, left, right, at }
    }
    this.#depth--
    return left
  }

  #operator(among: readonly BinaryOperator[], inFilter: boolean): BinaryOperator | undefined {
    const found = this.#match(/&&|\|\||<<|>>|[=!<>]=|[-+*/%&|^<>](?!=)/y) as BinaryOperator | undefined
    if (found === undefined) return undefined
    if (among.includes(found) && !(inFilter && found === '/')) return found
    this.#at -= found.length
    return undefined
  }

  #unary(): Expression {
    this.#space()
    const sign = this.#match(/[!~-]/y) as '!' | '~' | '-' | undefined
    if (!sign) return this.#primary()
    if (++this.#depth > DEEPEST * LEVELS.length) throw this.#wrong('an expression is too deep')
    const of = this.#unary()
    this.#depth--
    return { kind: 'unary', operator: sign, of }
  }

  #primary(): Expression {
    const at = this.#at
    if (this.#take('(')) {
      const inner = this.#expression()
      this.#expect(')')
      return inner
    }
    if (this.#text[this.#at] === '@') return { kind: 'map', map: this.#map() }
    const number = this.#match(/0x[0-9a-f]+\b|\d+(?:_\d+)*\b/iy)
    if (number !== undefined) return { kind: 'number', value: BigInt(number.replaceAll('_', '')) }
    const text = this.#match(/"(?:[^"\\\n]|\\["\\])*"/y)
    if (text !== undefined) return { kind: 'text', value: text.slice(1, -1).replace(/\\(.)/g, '$1') }
    const path = this.#match(/args?\d*(?:(?:\.|->)[A-Za-z_$][\w$]*)*/y)
    if (path !== undefined) return this.#argument(path, at)
    const word = this.#match(/[a-z]\w*/iy)
    if (word === 'str') {
      this.#expect('(')
      const of = this.#expression()
      this.#expect(')')
      return { kind: 'str', of, at }
    }
    if (word !== undefined && BUILTINS.includes(word)) return { kind: 'builtin', name: word as Builtin, at }
    throw this.#wrong(
      `expected a value, found "${this.#text.slice(at, at + 12)}"; there are numbers, texts, arg0 to arg11, args.FIELD, str(…), ${BUILTINS.join(', ')} and maps`,
      at,
    )
  }

  #argument(text: string, at: number): Expression {
    const path = text.split(/\.|->/)
    const [first = ''] = path
    const known = first === 'args' ? path.length > 1 : /^arg(?:\d|1[01])$/.test(first)
    if (known) return { kind: 'argument', path, at }
    throw this.#wrong(`${first} is no argument; there are arg0 to arg11 and, of tracepoints, args.FIELD`, at)
  }
}
