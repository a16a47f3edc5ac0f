// What StrykerJS's instrumenter does not mutate by itself, and what AssemblyScript asks of it. The operators follow the
// literature's names: SDL (statement deletion), operator replacement for bits, shifts, minima and maxima.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const entry = fileURLToPath(import.meta.resolve('@stryker-mutator/instrumenter'))
const inside = createRequire(entry)
const { types: t } = inside('@babel/core')
// Not among the package's exports; its version is pinned.
const { allMutators } = await import(pathToFileURL(join(dirname(entry), 'mutators/mutate.js')).href)

/** Whether the files at hand are AssemblyScript, whose type checker refuses some mutants. */
let assemblyScript = false

const copy = (node, changes) => Object.assign(t.cloneNode(node, true), changes)

const logs = /^(?:print|printInsn|scratch\w*|reset)$/

/** `env.log.print(...)` and its like: text, no check. */
function isLogging(node) {
  if (!t.isCallExpression(node)) return false
  const { callee } = node
  if (t.isIdentifier(callee)) return /^print[A-Z]/.test(callee.name)
  return (
    t.isMemberExpression(callee) &&
    t.isIdentifier(callee.property) &&
    logs.test(callee.property.name) &&
    t.isMemberExpression(callee.object) &&
    t.isIdentifier(callee.object.property, { name: 'log' })
  )
}

const statementDeletion = {
  name: 'StatementDeletion',
  *mutate(path) {
    if (!path.isExpressionStatement()) return
    const { expression } = path.node
    if (isLogging(expression)) return
    const deletes =
      t.isCallExpression(expression) ||
      t.isAssignmentExpression(expression) ||
      t.isUpdateExpression(expression)
    // An update alone in a loop would only make it endless.
    if (deletes) yield t.blockStatement([])
  },
}

const BITS = { '&': '|', '|': '&', '^': '&', '<<': '>>', '>>': '<<', '>>>': '<<' }

const bitwiseOperator = {
  name: 'BitwiseOperator',
  *mutate(path) {
    if (!path.isBinaryExpression()) return
    const operator = BITS[path.node.operator]
    // `x >> 2` makes an index of words of an address: a change of it is no fault of logic.
    const index = path.node.operator === '>>' && t.isNumericLiteral(path.node.right, { value: 2 })
    if (operator && !index) yield copy(path.node, { operator })
  },
}

const minimumMaximum = {
  name: 'MinimumMaximum',
  *mutate(path) {
    if (!path.isCallExpression() || !t.isIdentifier(path.node.callee)) return
    const { name } = path.node.callee
    const other = { min: 'max', max: 'min' }[name]
    if (!other || path.node.arguments.length !== 2) return
    yield copy(path.node, { callee: t.identifier(other) })
    // Without the refinement: one operand alone.
    for (const argument of path.node.arguments) yield t.cloneNode(argument, true)
  },
}

const number = (value) => t.numericLiteral(value)
const limit = (type, name) => t.memberExpression(t.identifier(type), t.identifier(name))
const LIMITS = {
  setSigned: () => [limit('i64', 'MIN_VALUE'), limit('i64', 'MAX_VALUE')],
  setUnsigned: () => [number(0), limit('u64', 'MAX_VALUE')],
  setSigned32: () => [limit('i32', 'MIN_VALUE'), limit('i32', 'MAX_VALUE')],
  setUnsigned32: () => [number(0), limit('u32', 'MAX_VALUE')],
  setTnum: () => [number(0), limit('u64', 'MAX_VALUE')],
}

/** A transfer function that knows nothing: each bound becomes the widest. */
const boundUnknown = {
  name: 'BoundUnknown',
  *mutate(path) {
    if (!assemblyScript || !path.isExpressionStatement()) return
    const call = path.node.expression
    if (!t.isCallExpression(call) || !t.isIdentifier(call.callee)) return
    const widest = LIMITS[call.callee.name]
    if (!widest || call.arguments.length !== 3) return
    const [record, ...bounds] = call.arguments
    const replaced = (...args) =>
      t.expressionStatement(t.callExpression(t.identifier(call.callee.name), [record, ...args]))
    const [low, high] = widest()
    const isZero = t.isNumericLiteral(bounds[0], { value: 0 })
    const isWidest = (bound) => t.isMemberExpression(bound)
    if (call.callee.name === 'setTnum') {
      if (!(isZero && isWidest(bounds[1]))) yield replaced(low, high)
    } else {
      if (!isWidest(bounds[0]) && !(isZero && t.isNumericLiteral(low)))
        yield replaced(low, t.cloneNode(bounds[1], true))
      if (!isWidest(bounds[1])) yield replaced(t.cloneNode(bounds[0], true), high)
    }
  },
}

function returnsValue(path) {
  const { parent } = path
  if (!t.isFunctionDeclaration(parent)) return false
  const annotation = parent.returnType?.typeAnnotation
  return !t.isTSVoidKeyword(annotation)
}

/** Mutators of Stryker's own, changed where AssemblyScript would not compile their mutants. */
function adapt(mutator) {
  return {
    name: mutator.name,
    *mutate(path) {
      if (assemblyScript) {
        if (mutator.name === 'BlockStatement' && (returnsValue(path) || t.isSwitchCase(path.parent))) return
        if (path.isSwitchCase()) return
        if (mutator.name === 'BooleanLiteral' && path.isUnaryExpression()) {
          yield t.unaryExpression('!', t.cloneNode(path.node, true))
          return
        }
      }
      yield* mutator.mutate(path)
    },
  }
}

const own = [statementDeletion, bitwiseOperator, minimumMaximum, boundUnknown]
if (!allMutators.some(({ name }) => name === own[0].name)) {
  allMutators.splice(0, allMutators.length, ...allMutators.map(adapt), ...own)
}

/** Not mutated at all: text, and what only types and tables hold. */
export const excludedMutations = ['StringLiteral', 'Regex', 'ObjectLiteral', 'ArrayDeclaration']

const isLogLevel = (node) =>
  (t.isMemberExpression(node) && t.isIdentifier(node.property, { name: 'level' })) ||
  t.isIdentifier(node, { name: 'level' }) ||
  (t.isBinaryExpression(node, { operator: '&' }) && isLogLevel(node.left))

/** The offset that `load<u8>(address, offset)` and its like encode in the instruction. */
function isImmediate({ key, listKey, parent }) {
  if (listKey !== 'arguments' || !t.isCallExpression(parent)) return false
  const { callee } = parent
  const name = t.isMemberExpression(callee) ? callee.property.name : callee.name
  return (name === 'load' && key === 1) || (name === 'store' && key === 2)
}

/** What prints the log is no check: the guards of printing, and the printing. An immediate offset must be a constant. */
export const ignored = {
  shouldIgnore(path) {
    if (assemblyScript && isImmediate(path)) return 'an immediate offset'
    if (path.isIfStatement() && isLogLevel(path.node.test)) return 'prints the log'
    if (path.isExpressionStatement() && isLogging(path.node.expression)) return 'prints the log'
    return undefined
  },
}

export const mutating = (value) => {
  assemblyScript = value === 'AssemblyScript'
}
