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

/** Every string that names a module in a declaration file: imports, re-exports, import types, augmentations. */
function specifiers(source) {
  const found = []
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier)
      found.push(node.moduleSpecifier)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      found.push(node.argument.literal)
    else if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) found.push(node.name)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/**
 * The declaration of one source file, its relative imports ending in .js as a consumer on `node16` resolves them, and
 * the sources that it imports. Throws with place and reason where the file's types are not all written in it.
 */
function declarationOf(file) {
  const text = readFileSync(file, 'utf8')
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
  const imports = []
  let declaration = outputText
  const source = ts.createSourceFile('x.d.ts', outputText, ts.ScriptTarget.ES2022, true)
  for (const node of specifiers(source).reverse()) {
    if (!node.text.startsWith('.')) continue
    imports.push(resolve(dirname(file), node.text))
    const end = node.getEnd() - 1
    declaration = `${declaration.slice(0, end).replace(/\.ts$/, '.js')}${declaration.slice(end)}`
  }
  return { declaration, imports }
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
