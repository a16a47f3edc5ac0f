// Runs a program of dist/ with the bytecode that V8 made of it the last time: to compile it anew takes longer than most
// commands. The bytecode is kept where only the user writes, in XDG_CACHE_HOME or ~/.cache; SKEP_NO_CACHE=1 leaves it out.
const { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { homedir } = require('node:os')
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')

/** A cache that fails costs time, and nothing else. */
function attempt(action) {
  try {
    return action()
  } catch {
    return undefined
  }
}

/** Bytes before the bytecode: what it was made of. */
const HEAD = 64

/** Where things are kept from run to run, if they are to be. */
function findFolder() {
  if (process.env.SKEP_NO_CACHE) return undefined
  const folder = process.env.XDG_CACHE_HOME || attempt(() => join(homedir(), '.cache'))
  return folder && join(folder, 'skep')
}

/** The bytecode of the functions which a command needs of a file. */
function placeIn(folder, file) {
  const [command = ''] = /^[a-z]+$/.exec(process.argv[2] ?? '') ?? []
  return join(folder, `${Buffer.from(file).toString('base64url').slice(-200)}-${command}`)
}

/** V8 compares the length of the source alone. */
function headOf(file) {
  const { size, mtimeMs } = statSync(file)
  return Buffer.from(`${process.version} ${process.arch} ${size} ${mtimeMs}`.padEnd(HEAD).slice(0, HEAD))
}

module.exports = (name) => {
  const file = join(__dirname, '../dist', `${name}.cjs`)
  const cacheFolder = findFolder()
  const place = cacheFolder && placeIn(cacheFolder, file)
  const head = headOf(file)
  const kept = place && attempt(() => readFileSync(place))
  const cachedData = kept && head.equals(kept.subarray(0, HEAD)) ? kept.subarray(HEAD) : undefined
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`,
    { filename: file, cachedData },
  )
  if (place && (!cachedData || script.cachedDataRejected)) {
    // At the end, with the functions that ran in it.
    process.once('exit', (status) => {
      if (status !== 0) return
      attempt(() => {
        mkdirSync(dirname(place), { recursive: true, mode: 0o700 })
        const aside = `${place}.${process.pid}`
        try {
          writeFileSync(aside, Buffer.concat([head, script.createCachedData()]), { mode: 0o600 })
          renameSync(aside, place)
        } finally {
          rmSync(aside, { force: true })
        }
      })
    })
  }
  const module = { exports: {}, cacheFolder, importModule: (url) => import(url) }
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file))
}
