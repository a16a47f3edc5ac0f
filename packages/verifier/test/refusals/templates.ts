import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'

/** A text that the verifier may refuse with. */
export interface Template {
  /** `file:line` of the place that refuses. */
  readonly place: string
  /** The text; what is inserted into it is `1`. */
  readonly text: string
}

const SOURCE = new URL('../../src/', import.meta.url)
/** Functions that refuse, with the index of the argument that is the decisive line. */
const REFUSE: Readonly<Record<string, number>> = { fail: 1, failReg: 2, failPrinted: 1, refusal: 1, error: 1 }
/** Files whose calls pass on what others said, or say something else. */
const NOT_SCANNED = /\.test\.ts$|^(errors|generated\/|refusals\/|explain\/)/
/** Arguments that pass on the lines of another refusal, which is scanned where it is made. */
const PASSED_ON =
  /^(\.\.\.)?(error\.lines|error\.message|reject\.lines|found\.text|lines|\[\]|\[line\]|\[\.\.\.error\.lines, line\])$/

interface Source {
  readonly name: string
  readonly tree: ts.SourceFile
}

/** What all sources hold by name, so that following a name walks no tree. */
interface Sources {
  readonly calls: Readonly<Record<string, readonly ts.CallExpression[]>>
  /** What functions return. */
  readonly returns: Readonly<Record<string, readonly ts.Expression[]>>
}

/**
 * Every text that the verifier's sources may refuse with. `unread` are places whose text this reader cannot follow:
 * write the text out in the call, or in a constant or function beside it.
 */
export function refusalTemplates(): {
  readonly templates: readonly Template[]
  readonly unread: readonly string[]
} {
  const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !NOT_SCANNED.test(name))
    .map((name): Source => {
      const text = readFileSync(new URL(name, SOURCE), 'utf8')
      return { name, tree: ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true) }
    })
  const byName = index(sources)
  const templates: Template[] = []
  const unread: string[] = []
  for (const source of sources) {
    visit(source.tree, (node) => {
      const argument = decisive(node, source)
      if (!argument) return
      const place = `${source.name}:${source.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
      if (PASSED_ON.test(argument.getText())) return
      const texts = textsOf(argument, byName, 0)
      if (texts === undefined) unread.push(`${place}: ${argument.getText()}`)
      else for (const text of texts) templates.push({ place, text: text.split('\n')[0]! })
    })
  }
  return { templates, unread }
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => visit(child, see))
}

function index(sources: readonly Source[]): Sources {
  const calls: Record<string, ts.CallExpression[]> = Object.create(null)
  const returns: Record<string, ts.Expression[]> = Object.create(null)
  const add = <T>(table: Record<string, T[]>, name: string, value: T): void => {
    table[name] ??= []
    table[name].push(value)
  }
  for (const { tree } of sources) {
    visit(tree, (node) => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
        add(calls, node.expression.text, node)
      }
      const { body, name } = ts.isFunctionDeclaration(node) ? node : {}
      if (body && name) {
        visit(body, (inner) => {
          if (ts.isReturnStatement(inner) && inner.expression) add(returns, name.text, inner.expression)
        })
      }
      if (!ts.isVariableDeclaration(node) || !node.initializer) return
      const fn = node.initializer
      if (ts.isArrowFunction(fn) && !ts.isBlock(fn.body)) add(returns, node.name.getText(), fn.body)
    })
  }
  return { calls, returns }
}

/** The argument of a call that refuses which is the decisive line. */
function decisive(node: ts.Node, source: Source): ts.Expression | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Reject') return node.arguments?.[1]
  if (!ts.isCallExpression(node)) return
  const { expression } = node
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()
  const index = Object.hasOwn(REFUSE, name) ? REFUSE[name] : undefined
  if (index === undefined) return
  // `error` makes a refusal in the reader of kernel types only.
  if (name === 'error' && source.name !== 'kernel-btf.ts') return
  const argument = node.arguments[index]
  // A source line that comes first in the log is not the reason.
  return argument?.getText().startsWith('...sourceLine') ? node.arguments[index + 1] : argument
}

/** All texts that an expression may be; undefined where it cannot be followed. */
function textsOf(node: ts.Expression, sources: Sources, depth: number): readonly string[] | undefined {
  if (depth > 6) return
  const either = (part: ts.Expression): readonly string[] | undefined =>
    PASSED_ON.test(part.getText()) ? [] : textsOf(part, sources, depth)
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isTemplateExpression(node)) {
    let texts: readonly string[] = [node.head.text]
    for (const span of node.templateSpans) {
      const values = inserted(span.expression, sources, depth)
      texts = texts.flatMap((text) => values.map((value) => text + value + span.literal.text))
    }
    return texts
  }
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression, sources, depth)
  if (ts.isConditionalExpression(node)) {
    return both(either(node.whenTrue), either(node.whenFalse))
  }
  if (ts.isArrayLiteralExpression(node)) {
    return node.elements[0] ? textsOf(node.elements[0], sources, depth) : []
  }
  if (ts.isSpreadElement(node)) return textsOf(node.expression, sources, depth)
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const left = textsOf(node.left, sources, depth)
    const right = textsOf(node.right, sources, depth)
    return left && right && left.flatMap((l) => right.map((r) => l + r))
  }
  if (ts.isIdentifier(node)) return assigned(node, sources, depth)
  // Further down a call makes a name or a number.
  if (depth === 0 && ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    return returned(node.expression.text, sources, depth)
  }
}

/** What stands for an inserted value: texts where they can be followed, else 1. */
const inserted = (node: ts.Expression, sources: Sources, depth: number): readonly string[] =>
  textsOf(node, sources, depth + 1) ?? ['1']

const both = (
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): readonly string[] | undefined => a && b && [...a, ...b]

/** What a variable of the same function was given. */
function assigned(name: ts.Identifier, sources: Sources, depth: number): readonly string[] | undefined {
  let scope: ts.Node = name
  while (scope.parent && !ts.isFunctionDeclaration(scope)) scope = scope.parent
  const values: ts.Expression[] = []
  visit(scope, (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name.text && node.initializer) {
      values.push(node.initializer)
    }
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
      node.left.getText() === name.text
    ) {
      values.push(node.right)
    }
  })
  if (values.length === 0) return parameter(name, scope, sources, depth)
  const texts = values.map((value) => textsOf(value, sources, depth + 1))
  return texts.includes(undefined) ? undefined : (texts as string[][]).flat()
}

const within = (node: ts.Node, scope: ts.Node): boolean =>
  node.pos >= scope.pos && node.end <= scope.end && node.getSourceFile() === scope.getSourceFile()

/** What callers give for a parameter. */
function parameter(
  name: ts.Identifier,
  scope: ts.Node,
  sources: Sources,
  depth: number,
): readonly string[] | undefined {
  let fn: ts.Node = name
  while (fn.parent && !ts.isFunctionLike(fn)) fn = fn.parent
  if (!ts.isFunctionLike(fn)) return
  const index = fn.parameters.findIndex((p) => p.name.getText() === name.text)
  const holder = ts.isFunctionDeclaration(fn)
    ? fn.name
    : ts.isVariableDeclaration(fn.parent)
      ? fn.parent.name
      : undefined
  if (index < 0 || !holder) return
  const called = holder.getText()
  const texts: (readonly string[] | undefined)[] = []
  for (const call of sources.calls[called] ?? []) {
    if (!ts.isFunctionDeclaration(fn) && !within(call, scope)) continue
    const argument = call.arguments[index]
    if (argument) texts.push(textsOf(argument, sources, depth + 1))
  }
  return texts.length === 0 || texts.includes(undefined) ? undefined : (texts as string[][]).flat()
}

/** What a function of the package returns. */
function returned(name: string, sources: Sources, depth: number): readonly string[] | undefined {
  const values = sources.returns[name]
  if (!values) return
  const texts = values.map((value) => textsOf(value, sources, depth + 1))
  return texts.includes(undefined) ? undefined : (texts as string[][]).flat()
}
