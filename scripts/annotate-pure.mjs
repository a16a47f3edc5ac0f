// Says in built modules that what they compute at import has no effects, as is so of all our sources: bundlers leave out
// whole files that are not used, and a build has made one of many.
import { readFileSync, writeFileSync } from 'node:fs'
import ts from 'typescript'

/** Kinds of expressions that a bundler takes for effects, or for what may throw. */
const effects = new Set([
  ts.SyntaxKind.CallExpression,
  ts.SyntaxKind.NewExpression,
  ts.SyntaxKind.PropertyAccessExpression,
  ts.SyntaxKind.ElementAccessExpression,
  ts.SyntaxKind.SpreadAssignment,
  ts.SyntaxKind.SpreadElement,
  ts.SyntaxKind.TaggedTemplateExpression,
])

function mayAct(node) {
  if (ts.isFunctionLike(node)) return false
  // Fields of instances wait for one.
  if (ts.isPropertyDeclaration(node) && !ts.getCombinedModifierFlags(node)) return false
  return effects.has(node.kind) || ts.forEachChild(node, mayAct) === true
}

/** The text of a module with the values of its top-level variables made by functions without effects. */
export function annotatePure(text) {
  const file = ts.createSourceFile('module.js', text, ts.ScriptTarget.ES2022, false, ts.ScriptKind.JS)
  const values = file.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations)
    .filter(({ name, initializer }) => ts.isIdentifier(name) && initializer && mayAct(initializer))
    .map(({ initializer }) => initializer)
  let done = 0
  let result = ''
  for (const value of values) {
    const [start, end] = [value.getStart(file), value.end]
    result += `${text.slice(done, start)}/* @__PURE__ */ (() => (${text.slice(start, end)}))()`
    done = end
  }
  return result + text.slice(done)
}

/** The same of a file. */
export function annotateFile(path) {
  const text = readFileSync(path, 'utf8')
  const annotated = annotatePure(text)
  if (annotated !== text) writeFileSync(path, annotated)
}
