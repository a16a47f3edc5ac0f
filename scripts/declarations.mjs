// Declarations file by file. Every package has isolatedDeclarations on, so that a file's types are all written in the
// file, and no program need be checked to emit them: milliseconds where a bundler of declarations takes seconds.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedDeclarations: true,
  declaration: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  stripInternal: true,
}

/** What to cut or put in a declaration file: { start, end, text }. */
function mends(source) {
  const found = []
  const replace = (node, text) => found.push({ start: node.getStart(source), end: node.getEnd(), text })
  const relative = (literal) => {
    if (literal.text.startsWith('.')) replace(literal, `'${literal.text.replace(/\.ts$/, '.js')}'`)
  }
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier)
      relative(node.moduleSpecifier)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) relative(node.argument.literal)
    else if (ts.isClassDeclaration(node)) {
      // The compiler declares a member named [Symbol.x] twice, first as a bare property.
      const named = (member) =>
        member.name && ts.isComputedPropertyName(member.name) && member.name.getText(source)
      for (const member of node.members) {
        const twice = (other) => other.pos > member.pos && named(other) === named(member)
        if (ts.isPropertyDeclaration(member) && named(member) && node.members.some(twice)) replace(member, '')
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found.sort((one, other) => other.start - one.start)
}

/**
 * The declaration of one source file, its relative imports ending in .js as a consumer on `node16` resolves them, and
 * the sources that it imports. Throws with place and reason where the file's types are not all written in it.
 */
export function declarationOf(file, text = readFileSync(file, 'utf8')) {
  const { outputText, diagnostics } = ts.transpileDeclaration(text, {
    fileName: file,
    compilerOptions,
    reportDiagnostics: true,
  })
  if (diagnostics?.length) {
    const host = {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => process.cwd(),
      getNewLine: () => '\n',
    }
    throw new Error(ts.formatDiagnostics(diagnostics, host).trimEnd())
  }
  let declaration = outputText
  const imports = []
  const source = ts.createSourceFile('x.d.ts', outputText, ts.ScriptTarget.ES2022, true)
  for (const { start, end, text: mended } of mends(source)) {
    const original = declaration.slice(start, end)
    if (mended) imports.push(resolve(dirname(file), original.slice(1, -1)))
    declaration = declaration.slice(0, start) + mended + declaration.slice(end)
  }
  return { declaration, imports: imports.reverse() }
}

/**
 * Writes into outDir the declarations of the entries and of all that they reach, in the tree's shape under root.
 * Returns how many files were written.
 */
export function writeDeclarations(entries, root, outDir) {
  const todo = entries.map((entry) => resolve(entry))
  const done = new Set(todo)
  for (const file of todo) {
    const { declaration, imports } = declarationOf(file)
    const target = join(outDir, relative(root, file)).replace(/\.ts$/, '.d.ts')
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, declaration)
    for (const other of imports) {
      if (done.has(other)) continue
      done.add(other)
      todo.push(other)
    }
  }
  return todo.length
}
