// A plugin as a stranger writes it: the packages are packed, installed with npm into a project of their own, plugins of under
// 80 lines are type-checked there with nothing but them, their programs verified and run on both engines, and `skep feature`
// lists what they add.
// usage: node scripts/plugin-outside.mjs   (after a build)
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = join(root, 'scripts/plugin-outside')
/** The attach point of the example with tenants, as it is there. */
const attachPoint = join(root, 'apps/tenants/src/http-request.ts')
const work = mkdtempSync(join(tmpdir(), 'skep-outside-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

function fail(why) {
  console.error(`plugin outside: ${why}`)
  process.exit(1)
}

function run(command, args, options = {}) {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: work,
    env: { ...env, NO_COLOR: '1' },
    ...options,
  })
  if (status !== 0)
    fail(`${command} ${args.slice(0, 3).join(' ')}: ${stdout}${stderr}${error?.message ?? ''}`)
  return stdout
}

/** The tarballs of all published packages, by name. */
function pack() {
  const manifests = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent))
      .map((name) => join(root, parent, name, 'package.json'))
      .filter(existsSync)
      .map((file) => JSON.parse(readFileSync(file, 'utf8'))),
  )
  const published = manifests.filter((manifest) => !manifest.private)
  const pnpm = join(root, 'node_modules/pnpm/bin/pnpm.cjs')
  const filters = published.map(({ name }) => `--filter=${name}`)
  run(process.execPath, [pnpm, '-r', ...filters, 'pack', '--pack-destination', work], { cwd: root })
  return Object.fromEntries(
    published.map(({ name, version }) => [
      name,
      `file:${name.replace('@', '').replace('/', '-')}-${version}.tgz`,
    ]),
  )
}

function checkLines(file, most) {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').length
  if (lines >= most) fail(`${basename(file)} has ${lines} lines; a plugin takes fewer than ${most}`)
}

const expected = ['interpreter', 'jit'].flatMap((engine) => [
  `${engine} hash a0587e22 scale 30 mix 1302`,
  `${engine} mix in JS ${engine === 'jit' ? 0 : 1}`,
  `${engine} ttl 404 7 404 true`,
  `${engine} refused invalid read from stack R1 off=-4 size=8`,
  `${engine} requests 2/97 1/0 WRONG_PROGRAM_TYPE 0/0`,
])

function checkFeatures() {
  const plugins = ['helper', 'kfunc', 'lowered', 'ttl-map'].flatMap((name) => ['--plugin', `out/${name}.js`])
  const skep = join(work, 'node_modules/skep/bin/skep.cjs')
  const features = JSON.parse(run(process.execPath, [skep, 'feature', ...plugins, '--json']))
  const helpers = features.helpers.xdp_available_helpers
  for (const name of ['acme_hash', 'acme_mix', 'bpf_map_lookup_elem'])
    if (!helpers.includes(name)) fail(`skep feature: no helper ${name} for xdp`)
  if (features.helpers.kprobe_available_helpers.includes('acme_hash'))
    fail('skep feature: acme_hash for kprobe')
  if (features.map_types.have_ttl_hash_map_type !== true) fail('skep feature: no map type ttl_hash')
  if (features.kfuncs.have_acme_scale_kfunc !== true) fail('skep feature: no kfunc acme_scale')
  const text = run(process.execPath, [skep, 'feature', ...plugins])
  if (!text.includes('eBPF map_type ttl_hash is available')) fail('skep feature: no line for ttl_hash')
}

/** The header that authors of programs include. */
function checkHeader() {
  const skep = join(work, 'node_modules/skep/bin/skep.cjs')
  const plugin = ['--plugin', 'out/http-request.js']
  const header = run(process.execPath, [skep, 'gen', 'header', 'http_request', ...plugin])
  for (const text of ['struct http_request {', 'HTTP_ROUTE = 2', 'HTTP_GET = 0x1', 'void *data_end'])
    if (!header.includes(text)) fail(`skep gen header: no "${text}"`)
}

for (const name of ['helper', 'kfunc', 'lowered', 'ttl-map']) checkLines(join(sources, `${name}.ts`), 80)
checkLines(attachPoint, 60)
const tarballs = pack()
const manifest = { name: 'outside', private: true, type: 'module', dependencies: tarballs }
writeFileSync(join(work, 'package.json'), JSON.stringify(manifest))
run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'])
if (existsSync(join(work, 'node_modules/@skep/runtime/src'))) fail('the sources are in the package')
cpSync(sources, join(work, 'src'), { recursive: true })
cpSync(attachPoint, join(work, 'src/http-request.ts'))
const compilerOptions = {
  target: 'es2022',
  lib: ['es2023', 'dom', 'esnext.disposable'],
  module: 'node16',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  types: [],
  rewriteRelativeImportExtensions: true,
  rootDir: 'src',
  outDir: 'out',
}
writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', work])
const lines = run(process.execPath, ['out/main.js']).trimEnd().split('\n')
for (const [n, line] of expected.entries()) if (lines[n] !== line) fail(`"${lines[n]}" instead of "${line}"`)
checkFeatures()
checkHeader()
console.log(
  'plugin outside: a helper, a kfunc, a map type, a lowered helper and an attach point, on both engines',
)
