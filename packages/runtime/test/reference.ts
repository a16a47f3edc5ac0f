import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HelperDef, KfuncDef, Platform } from '../src/index.ts'

// What the tables of docs/reference say of helpers and kernel functions: from the platform, and from the tests that run them.

export const root: string = fileURLToPath(new URL('../../../', import.meta.url))

/** Where tests run programs or call helpers; those of verdicts alone are not among them. */
const RUNNING = [
  'helpers/src',
  'maps/src',
  'maps/test',
  'jit-wasm/src',
  'vm-interpreter/src',
  'runtime/src',
  'runtime/test',
  'hook-kprobe/src',
  'hook-xdp/src',
  'hook-xdp/test',
  'hook-tc/src',
  'hook-socket/src',
]
/** Where helpers are called as their module has them, not by programs on the engines. */
const MODULES = ['helpers/src', 'maps/src', 'maps/test']
/** What a test has that compares with the running kernel. */
const KERNEL = /from '(@skep\/linux|.*\/impl\/calls\.ts|.*\/packets\.ts|.*\/kfunc-calls\.ts|.*sides\.ts)'/
/** Objects whose programs a test runs, beside it. */
const OBJECTS = ['packages/runtime/testdata', 'packages/runtime/testdata/examples', 'apps/cli/testdata']

export type Tested = 'kernel' | 'here'

/** Names and helper ids that a text calls. */
function called(text: string): Set<string | number> {
  const names = [...text.matchAll(/\b_?_?(?:bpf|css|cubictcp|bbr|tcp)_[a-z0-9_]+\b/g)].map(([name]) => name)
  const numbers = text.matchAll(/(?:\b|\\n)call (\d+)\b|call_helper\((\d+)\)|\(void \*\)(\d+);/g)
  const ids = [...numbers].map((m) => Number(m[1] ?? m[2] ?? m[3]))
  return new Set([...names, ...ids])
}

function testsBelow(folder: string): string[] {
  const path = join(root, 'packages', folder)
  if (!existsSync(path)) return []
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.test.ts')).map((file) => join(path, file))
}

/** A source, and of its own headers the functions and macros that it uses. */
function withHeaders(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const used = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(text)
  const headers = [...text.matchAll(/#include "([\w.]+)"/g)]
    .map(([, name]) => join(dirname(file), name!))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8').replaceAll('\\\n', ' '))
  const parts = headers.flatMap((header) => [
    ...[...header.matchAll(/\(\*(?:const )?(\w+)\)\([^;]*;/g)],
    ...[...header.matchAll(/#define (\w+)\(.*/g)],
  ])
  return [text, ...parts.filter(([, name]) => used(name!)).map(([part]) => part)]
}

/** A test, and the files beside it that it uses. */
function withImports(file: string): string {
  const text = readFileSync(file, 'utf8')
  const beside = [...text.matchAll(/from '(\.[\w./-]*\.ts)'/g)]
    .map(([, path]) => join(dirname(file), path!))
    .filter((path) => path.includes('/test/'))
  return [text, ...beside.map((path) => readFileSync(path, 'utf8'))].join('\n')
}

/** Sources of the objects that a text names: by file name, by what a helper makes one of, or all of a folder. */
function sourcesIn(text: string): string[] {
  const named = new Set([...text.matchAll(/([\w-]+)\.o\b|'([\w-]+)'/g)].map((m) => m[1] ?? m[2]!))
  const whole = OBJECTS.filter((folder) => text.includes('readdirSync(') && text.includes(`${folder}/'`))
  const all = whole.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.bpf.c') && !name.startsWith('refused'))
      .map((name) => join(root, folder, name)),
  )
  const beside = [...named].flatMap((name) => OBJECTS.map((folder) => join(root, folder, `${name}.bpf.c`)))
  return [...all, ...beside.filter((source) => existsSync(source))]
}

/** By name or id: the best that a test does with it. */
export function testedNames(): ReadonlyMap<string | number, Tested> {
  const tested = new Map<string | number, Tested>()
  for (const file of RUNNING.flatMap(testsBelow)) {
    // This one reads the tables.
    if (basename(file).startsWith('reference.')) continue
    const onEngines = !MODULES.some((folder) => file.includes(`/${folder}/`))
    const state: Tested = onEngines && KERNEL.test(readFileSync(file, 'utf8')) ? 'kernel' : 'here'
    const text = withImports(file)
    const sources = sourcesIn(text)
    for (const part of [text, ...sources.flatMap(withHeaders)])
      for (const name of called(part)) if (tested.get(name) !== 'kernel') tested.set(name, state)
  }
  return tested
}

/** What runs here only, although the test compares other things with the kernel, or that no test of a kernel can reach. */
const NO_LSM = 'the kernel has no test run for LSM programs'
const NO_CGROUP = 'the kernel has no test run for programs of cgroups'
const ONLY_HERE: Readonly<Record<string, string>> = {
  bpf_get_prandom_u32: 'its numbers are random',
  bpf_inode_storage_get: NO_LSM,
  bpf_inode_storage_delete: NO_LSM,
  bpf_cgrp_storage_get: "a test run's arguments hold no cgroup",
  bpf_cgrp_storage_delete: "a test run's arguments hold no cgroup",
  bpf_get_retval: NO_CGROUP,
  bpf_set_retval: NO_CGROUP,
  bpf_sk_select_reuseport: 'the kernel has no test run for programs of a port that sockets share',
}

export interface Row {
  readonly name: string
  readonly id?: number
  readonly state: 'kernel' | 'here' | 'untested' | 'provider' | 'refused'
  readonly note: string
}

const PROVIDER = /providers: \{ (\w+) \}/

function rowOf(def: HelperDef | KfuncDef, tested: ReadonlyMap<string | number, Tested>): Row {
  const id = 'id' in def ? { id: def.id } : {}
  const best = [tested.get(def.name), 'id' in def ? tested.get(def.id) : undefined]
  const test = best.includes('kernel') ? 'kernel' : best.includes('here') ? 'here' : undefined
  const { name } = def
  if (!def.absent && test && ONLY_HERE[name]) return { name, ...id, state: 'here', note: ONLY_HERE[name] }
  if (!def.absent) return { name, ...id, state: test ?? 'untested', note: '' }
  const provider = PROVIDER.exec(def.absent)?.[1]
  const more = { kernel: ', with it compared with the kernel', here: ', with it tested' }
  if (provider)
    return { name, ...id, state: 'provider', note: `\`providers.${provider}\`${test ? more[test] : ''}` }
  return { name, ...id, state: 'refused', note: def.absent.split(';')[0]! }
}

const WORDS: Readonly<Record<Row['state'], string>> = {
  kernel: 'works, compared with the kernel',
  here: 'works, tested',
  untested: 'works, untested',
  provider: 'provider needed',
  refused: 'refused by name',
}

const HEAD = `| state | what it means |
|---|---|
| ${WORDS.kernel} | tests run it here and in Linux 6.18, and compare results |
| ${WORDS.here} | tests run it here, and not in the kernel, for the reason in the row |
| ${WORDS.untested} | nothing runs it yet |
| ${WORDS.provider} | runs where the host gives \`createRuntime({ providers })\` that provider; refused by name otherwise |
| ${WORDS.refused} | programs that call it verify; loading them names it and what it needs |
`

const summary = (rows: readonly Row[]): string =>
  (Object.keys(WORDS) as Row['state'][])
    .map((state) => [WORDS[state], rows.filter((row) => row.state === state).length] as const)
    .filter(([, count]) => count > 0)
    .map(([words, count]) => `${count} ${words}`)
    .join(', ')

export const helperRows = (platform: Platform, tested: ReturnType<typeof testedNames>): Row[] =>
  [...platform.helpers].map((def) => rowOf(def, tested)).sort((a, b) => a.id! - b.id!)

export const kfuncRows = (platform: Platform, tested: ReturnType<typeof testedNames>): Row[] =>
  [...platform.kfuncs].map((def) => rowOf(def, tested)).sort((a, b) => (a.name < b.name ? -1 : 1))

/** A page of the reference. */
export function page(title: string, what: string, rows: readonly Row[]): string {
  const numbered = rows[0]?.id !== undefined
  const lines = rows.map(
    ({ id, name, state, note }) => `|${numbered ? ` ${id} |` : ''} \`${name}\` | ${WORDS[state]} | ${note} |`,
  )
  return `# ${title}

Made by \`node scripts/reference.mjs\` from the tables and the tests; do not edit.

${what}: ${summary(rows)}.

${HEAD}
|${numbered ? ' id |' : ''} name | state | |
|${numbered ? '---|' : ''}---|---|---|
${lines.join('\n')}
`
}

export const folder: string = join(root, 'docs/reference')
