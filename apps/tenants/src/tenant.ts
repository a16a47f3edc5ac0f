import type { Collection, Link, Platform, ProgramFacts, Runtime } from '@skep/runtime'
import { createRuntime } from '@skep/runtime/core'
import type { Verdict, Verifier } from '@skep/verifier'
import { type CheckedObject, RefusedError, refusalOf } from './checked-program.ts'
import { attachHttp, HttpGate, type Values } from './http-request.ts'
import { mapContents } from './map-contents.ts'
import { tenantPlugins } from './platform.ts'

export interface TenantLimits {
  /** Bytes for maps, programs and contexts together, those of a program that is being replaced too. Default 4 MiB. */
  readonly memory?: number
  /** Instructions of a program for one request. Default 20,000. */
  readonly instructions?: number
  /** Lines that are kept of what programs log; older ones go. Default 100. */
  readonly lines?: number
}

export type Decision =
  | { readonly verdict: 'pass' | 'deny' | 'fault' }
  | { readonly verdict: 'route'; readonly route: number }

interface Installed {
  readonly version: number
  readonly collection: Collection
  readonly link: Link
}

const VERDICTS = ['pass', 'deny', 'route'] as const

/** One tenant: a runtime of its own, whose memory nobody else sees, and the program that its requests go through. */
export class Tenant {
  readonly name: string
  readonly #runtime: Runtime
  readonly #proofs: Proofs
  readonly #gate = new HttpGate()
  readonly #counters = {
    requests: 0,
    pass: 0,
    deny: 0,
    route: 0,
    fault: 0,
    uploads: 0,
    refused: 0,
    logged: 0,
  }
  readonly #lines: string[] = []
  #installed: Installed | undefined
  #installing: Promise<unknown> = Promise.resolve()
  #fault = ''
  #versions = 0

  private constructor(name: string, runtime: Runtime, proofs: Proofs, lines: number) {
    this.name = name
    this.#runtime = runtime
    this.#proofs = proofs
    runtime.on('printk', ({ text }) => {
      this.#counters.logged++
      this.#lines.push(text)
      if (this.#lines.length > lines) this.#lines.shift()
    })
  }

  static async create(name: string, limits: TenantLimits = {}): Promise<Tenant> {
    const { memory = 4 * 2 ** 20, instructions = 20_000, lines = 100 } = limits
    const proofs: Proofs = new Map()
    const runtime = await createRuntime({
      plugins: tenantPlugins(BigInt(instructions)),
      limit: memory,
      verifier: async (platform) => provedElsewhere(platform, proofs),
    })
    return new Tenant(name, runtime, proofs, lines)
  }

  /** What becomes of a request. Never throws: a program whose run ends early has decided nothing. */
  decide(values: Values, path: Uint8Array, headers: Uint8Array): Decision {
    this.#counters.requests++
    try {
      const [verdict, route] = this.#gate.decide(values, path, headers)
      const name = VERDICTS[verdict] ?? 'deny'
      this.#counters[name]++
      return name === 'route' ? { verdict: name, route } : { verdict: name }
    } catch (error) {
      this.#counters.fault++
      this.#fault = (error as Error).message
      return { verdict: 'fault' }
    }
  }

  /**
   * Takes the place of the program before, between two requests: until the new one is ready the old one decides. Throws
   * RefusedError, and the old one stays.
   */
  install(checked: CheckedObject): Promise<number> {
    const turn = this.#installing.then(() => this.#install(checked))
    this.#installing = turn.catch(() => {})
    return turn
  }

  async #install({ spec, facts }: CheckedObject): Promise<number> {
    let collection: Collection | undefined
    try {
      for (const [name, proof] of Object.entries(facts)) this.#proofs.set(name, proof)
      collection = await this.#runtime.load(spec, { pinRoot: '/tenant' })
      const entry = spec.programs.find(({ section }) => section === 'http')!
      const link = attachHttp(collection.program(entry.name, 'http_request'), this.#gate)
      const before = this.#installed
      this.#installed = { version: ++this.#versions, collection, link }
      this.#counters.uploads++
      this.#close(before)
      return this.#versions
    } catch (error) {
      collection?.close()
      throw new RefusedError(refusalOf(error))
    } finally {
      this.#proofs.clear()
    }
  }

  /** An upload came to nothing. */
  refused(): void {
    this.#counters.refused++
  }

  /** Requests pass as if there had never been a program. */
  remove(): void {
    this.#close(this.#installed)
    this.#installed = undefined
  }

  #close(installed: Installed | undefined): void {
    installed?.link.close()
    installed?.collection.close()
  }

  /** What the tenant may know of itself, as JSON says it. */
  counters(): object {
    const { arena } = this.#runtime
    const { version = 0, collection } = this.#installed ?? {}
    const maps = collection?.spec.maps.filter(({ name }) => !name.includes('.')) ?? []
    return {
      version,
      ...this.#counters,
      ...(this.#fault ? { lastFault: this.#fault } : {}),
      memory: { used: arena.used, limit: arena.limit },
      maps: Object.fromEntries(maps.map(({ name }) => [name, mapContents(collection!, name)])),
    }
  }

  /** What its programs logged last. */
  get lines(): readonly string[] {
    return this.#lines
  }

  close(): void {
    this.#runtime.close()
  }
}

/** By program. */
type Proofs = Map<string, ProgramFacts>

/** The checker's thread has walked these programs, on the same platform: here its proofs stand for them. */
const provedElsewhere = (platform: Platform, proofs: Proofs): Verifier => ({
  platform,
  verify({ program }): Verdict {
    const facts = proofs.get(program.name)
    if (!facts) throw new Error(`program ${program.name} was not checked`)
    const stats = { totalStates: 0, peakStates: 0, maxStatesPerInsn: 0, stateBytes: 0 }
    return { verdict: 'accept', facts, processed: 0, stats, log: () => '' }
  },
})
