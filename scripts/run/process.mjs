import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Prints one line and ends the process with the status of wrong usage. */
export function fail(message) {
  console.error(`run: ${message}`)
  process.exit(2)
}

// What npm leaves in the environment of a script, less the settings that say where packages come from.
const kept =
  /^npm_config_(registry|@.*|cache|userconfig|globalconfig|(https?_|no_?)?proxy|ca|cafile|strict_ssl|offline)$/i

/** The environment for tools: npm's own variables taken out, the workspace's programs first on PATH. */
export function environment() {
  const env = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (/^npm_/i.test(name) && !kept.test(name)) continue
    env[name] = value
  }
  // Production would leave out the tools that build and test.
  delete env.NODE_ENV
  const path = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  env[path] = [join(root, 'node_modules/.bin'), env[path]].filter(Boolean).join(delimiter)
  return {
    ...env,
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
    NO_UPDATE_NOTIFIER: '1',
    npm_config_update_notifier: 'false',
  }
}

/**
 * Runs a program and resolves to its exit status, 128 + n after signal n. Its streams are ours, so that a terminal
 * stays one, unless `onLine` takes each line of its output.
 */
export function call(command, args, { env = {}, onLine, shell = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...environment(), ...env },
      shell,
      stdio: onLine ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    })
    if (onLine)
      for (const stream of [child.stdout, child.stderr]) {
        let rest = ''
        stream.setEncoding('utf8')
        stream.on('data', (text) => {
          const lines = (rest + text).split('\n')
          rest = lines.pop()
          lines.forEach(onLine)
        })
        stream.on('end', () => rest && onLine(rest))
      }
    child.on('error', (error) => {
      console.error(`run: ${command}: ${error.message}`)
      resolve(127)
    })
    child.on('close', (status, signal) => resolve(status ?? 128 + (constants.signals[signal] ?? 0)))
  })
}
