import { execFileSync } from 'node:child_process'

/** Network namespaces that a test made: names by what the test calls them. */
export interface Namespaces extends Disposable {
  /** The name for `ip netns`. */
  readonly of: (name: string) => string
  /** Runs lines of `ip`, each in a namespace (`-n NAME` is put before); their names are the test's. */
  readonly ip: (name: string, ...lines: string[]) => void
  /** Runs a command in a namespace and gives what it prints. */
  readonly run: (name: string, command: string, ...args: string[]) => string
}

let made = 0

/** Makes namespaces, whose loopback is up and which have no IPv6. Disposing deletes them and all interfaces in them. */
export function makeNamespaces(...names: string[]): Namespaces {
  const prefix = `skep-${process.pid}-${++made}-`
  const of = (name: string): string => prefix + name
  const dispose = (): void => {
    process.off('exit', dispose)
    for (const name of names)
      try {
        execFileSync('ip', ['netns', 'del', of(name)], { stdio: 'ignore' })
      } catch {
        // It was not made.
      }
  }
  process.on('exit', dispose)
  try {
    const run = (name: string, command: string, ...args: string[]): string =>
      execFileSync('ip', ['netns', 'exec', of(name), command, ...args], { encoding: 'utf8', stdio: 'pipe' })
    const ip = (name: string, ...lines: string[]): void =>
      void execFileSync('ip', ['-n', of(name), '-batch', '-'], {
        input: lines.map((line) => line.replaceAll(/\{(\w+)\}/g, (_, other) => of(other))).join('\n'),
        stdio: 'pipe',
      })
    for (const name of names) {
      execFileSync('ip', ['netns', 'add', of(name)], { stdio: 'pipe' })
      run(name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1')
      ip(name, 'link set lo up')
    }
    return { of, ip, run, [Symbol.dispose]: dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

/** Why network namespaces of `ip netns` cannot be had here; undefined where they can. */
export const noNamespaces: string | undefined = (() => {
  try {
    using _ = makeNamespaces('probe')
    return undefined
  } catch (error) {
    return `no network namespace can be made: ${String((error as Error).message).split('\n')[0]}`
  }
})()
