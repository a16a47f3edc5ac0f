// Makes src/syscall-table.ts of what libseccomp resolves, and of what Linux has added since.
// usage: node syscalls/make-table.mjs   (Linux; a C compiler and libseccomp-dev)
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Numbers of Linux 6.18 that libseccomp 2.5.4 does not know: the same everywhere (scripts/syscall.tbl). */
const since = {
  457: 'statmount',
  458: 'listmount',
  459: 'lsm_get_self_attr',
  460: 'lsm_set_self_attr',
  461: 'lsm_list_modules',
  462: 'mseal',
  463: 'setxattrat',
  464: 'getxattrat',
  465: 'listxattrat',
  466: 'removexattrat',
  467: 'open_tree_attr',
  468: 'file_getattr',
  469: 'file_setattr',
}

const directory = mkdtempSync(join(tmpdir(), 'syscalls-'))
const program = join(directory, 'resolve')
execFileSync('cc', ['-o', program, here('resolve.c'), '-lseccomp'], { stdio: 'inherit' })
const rows = execFileSync(program, { encoding: 'utf8' }).trim().split('\n')
rmSync(directory, { recursive: true })

/** arch → name → number */
const numbers = new Map()
for (const row of rows) {
  const [arch, number, name] = row.split(' ')
  if (!numbers.has(arch))
    numbers.set(arch, new Map(Object.entries(since).map(([nr, late]) => [late, Number(nr)])))
  numbers.get(arch).set(name, Number(number))
}
numbers.get('x86_64').set('uretprobe', 335)

// The order in which most numbers follow one another: x86's, then what it lacks, as the others have it.
const names = []
for (const arch of ['x86', 'x86_64', 'aarch64', ...numbers.keys()]) {
  const found = [...numbers.get(arch)].sort((a, b) => a[1] - b[1])
  for (const [name] of found) if (!names.includes(name)) names.push(name)
}

const columns = [...numbers].map(([arch, byName]) => {
  let last = -1
  const cells = names.map((name) => {
    const number = byName.get(name)
    if (number === undefined) return '-'
    const cell = number === last + 1 ? '' : number.toString(36)
    last = number
    return cell
  })
  return [arch, cells.join().replaceAll(/(-,){4,}/g, (run) => `-${run.length / 2},`)]
})

const wrap = (text, separator) => {
  const [first, ...rest] = text.split(separator)
  const lines = [first]
  for (const part of rest) {
    const more = `${lines.at(-1)}${separator}${part}`
    if (more.length > 100) lines.push(part)
    else lines[lines.length - 1] = more
  }
  return lines.map((line, n) => `    '${line}${n < lines.length - 1 ? separator : ''}'`).join(' +\n')
}

const text = `// Made by syscalls/make-table.mjs: change that.

/** Every system call by name, in an order in which most numbers follow one another. */
// biome-ignore format: a table
export const SYSCALL_NAMES: string =
${wrap(names.join(' '), ' ')}

/**
 * By architecture the number of each name, separated by commas: base 36; nothing for one more than the last number; \`-\` where
 * the architecture has no such call, \`-5\` for five such names.
 */
// biome-ignore format: a table
export const SYSCALL_NUMBERS: Readonly<Record<string, string>> = {
${columns.map(([arch, cells]) => `  ${arch}:\n${wrap(cells, ',')},`).join('\n')}
}
`
writeFileSync(here('../src/syscall-table.ts'), text)
console.log(`${names.length} names, ${columns.length} architectures, ${text.length} bytes`)
