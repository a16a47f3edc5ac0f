// Large tables of the sources as browsers get them: a column as a string of one character a row, which compresses to less
// than half of what rows of named fields do. For esbuild, in builds; sources and tests have the tables as they are written.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { transform } from 'esbuild'

/** Files with a table of rows by name, and the constant's name. */
const tables = [
  { file: /[/\\]isa[/\\]src[/\\]ebpf[/\\]table\.ts$/, constant: 'ops' },
  { file: /[/\\]wasm[/\\]src[/\\]opcodes\.ts$/, constant: 'opcodes' },
]

/** Files that take a module of numbers, from 0 on without a gap, for a table: the constant, and the module. */
const numberings = [
  {
    file: /[/\\]vm-interpreter[/\\]src[/\\]handler-table\.ts$/,
    constant: 'handlerTable',
    module: './layout/handlers.ts',
  },
]

/** The first character of a column's text: the others follow, without the backslash. */
const FIRST = 0x23
const NONE = ' '

/** A character for a place among a column's values. */
function charOf(place) {
  const at = FIRST + place
  return String.fromCharCode(at < 0x5c ? at : at + 1)
}

/** A column: its key, its values, and which of them each row has; or, without that, numbers by their distance from row to row. */
function column(key, rows) {
  const all = rows.map((row) => row[key])
  if (all.every(Number.isInteger)) return [key, all.map((value, n) => value - (n > 0 ? all[n - 1] : 0))]
  const texts = all.map((value) => JSON.stringify(value))
  const values = [...new Set(texts.filter((text) => text !== undefined))]
  const places = texts.map((text) => (text === undefined ? NONE : charOf(values.indexOf(text))))
  return [key, values.map((text) => JSON.parse(text)), places.join('')]
}

/** Makes a table of its columns, whose rows are like `kind`: plain loops, since this runs once and in V8's interpreter. */
function unpack(names, columns, kind) {
  const table = {}
  const rows = names.split(' ')
  for (let n = 0; n < rows.length; n++) table[rows[n]] = rows[n] = kind.slice ? [] : {}
  for (const [key, values, places] of columns) {
    let sum = 0
    for (let n = 0; n < rows.length; n++) {
      if (places) {
        const at = places.charCodeAt(n)
        if (at > 32) rows[n][key] = values[at > 92 ? at - 36 : at - 35]
      } else rows[n][key] = sum += values[n]
    }
  }
  return table
}

/** An expression for the table. */
export function packed(table) {
  const rows = Object.values(table)
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const columns = keys.map((key) => column(key, rows))
  const kind = Array.isArray(rows[0]) ? '[]' : '{}'
  const names = JSON.stringify(Object.keys(table).join(' '))
  return `/* @__PURE__ */ (${unpack})(${names}, ${JSON.stringify(columns)}, ${kind})`
}

/** An expression for a table of numbers by name, in the order of names, as modules have it. */
export function numbered(numbers) {
  const names = []
  for (const [name, number] of Object.entries(numbers)) names[number] = name
  if (Object.keys(names).length !== names.length || names.length !== Object.keys(numbers).length)
    throw new Error('the numbers have gaps')
  return `/* @__PURE__ */ ((names) => Object.fromEntries(names.map((name, n) => [name, n]).sort()))(${JSON.stringify(names.join(' '))}.split(' '))`
}

/** The esbuild plugin. */
export const denseTables = {
  name: 'dense tables',
  setup({ onLoad }) {
    for (const { file, constant } of tables) {
      onLoad({ filter: file }, async ({ path }) => {
        const source = readFileSync(path, 'utf8')
        const { code } = await transform(source, { loader: 'ts', target: 'es2022' })
        const literal = new RegExp(`(?<=^(?:export )?const ${constant} = )\\{\\n[^]*?\\n\\}(?=;$)`, 'm')
        const found = literal.exec(code)?.[0]
        if (!found) throw new Error(`${path}: no constant ${constant} with a table`)
        const table = new Function(`return ${found}`)()
        return { contents: code.replace(literal, () => packed(table)), loader: 'js' }
      })
    }
    for (const { file, constant, module } of numberings) {
      onLoad({ filter: file }, async ({ path }) => {
        const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'ts', target: 'es2022' })
        const beside = join(dirname(path), module)
        const { code: layout } = await transform(readFileSync(beside, 'utf8'), {
          loader: 'ts',
          format: 'cjs',
        })
        const target = { exports: {} }
        new Function('module', 'exports', layout)(target, target.exports)
        const used = new RegExp(`(?<=^(?:export )?const ${constant} = )\\w+(?=;$)`, 'm')
        if (!used.test(code)) throw new Error(`${path}: no constant ${constant} that is a module`)
        const table = numbered({ ...target.exports })
        return { contents: code.replace(used, () => table), loader: 'js', resolveDir: dirname(path) }
      })
    }
  },
}
