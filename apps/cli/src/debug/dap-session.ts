import { basename, dirname, resolve } from 'node:path'
import type { Breakpoint, Debugger, Location, Stop } from '@skep/debugger'
import {
  Breakpoint as DapBreakpoint,
  DebugSession,
  InitializedEvent,
  OutputEvent,
  Scope,
  Source,
  StackFrame,
  StoppedEvent,
  TerminatedEvent,
  Thread,
} from '@vscode/debugadapter'
import type { DebugProtocol as Dap } from '@vscode/debugprotocol'
import { RefusedError } from '../report.ts'
import { type Debuggee, type OpenSession, openSession } from './open-session.ts'
import { hexOf, Variables } from './variables.ts'

/** A run has one thread. */
const THREAD = 1
/** Instructions that a program does between looks at the client: a pause waits no longer. */
const SLICE = 20_000

export interface LaunchArguments extends Dap.LaunchRequestArguments, Omit<Debuggee, 'file'> {
  /** The object file. */
  readonly program: string
  /** Stops before the first instruction. Default true. */
  readonly stopOnEntry?: boolean
}

type Answer<T extends Dap.Response> = Partial<T['body']> | undefined

/** What the client set, by what it was set at: it replaces all of a kind at once. */
type Setting = 'function' | 'instruction' | `file ${string}`

const reasons: Readonly<Record<Stop['reason'], string>> = {
  entry: 'entry',
  step: 'step',
  breakpoint: 'breakpoint',
  watchpoint: 'data breakpoint',
  limit: 'pause',
  beginning: 'entry',
  exited: 'exit',
  faulted: 'exception',
}

/**
 * A Debug Adapter Protocol server over one run of a program: editors step through its C source, or its instructions, forward and
 * backward. Launch arguments: `program` (the object file), `name`, `data`, `pcap`, `packet`, `ctx`, `stopOnEntry`.
 */
export class SkepDebugSession extends DebugSession {
  #open: OpenSession | undefined
  #variables: Variables | undefined
  #file = ''
  #stopOnEntry = true
  #running = false
  #pauses = false
  readonly #set = new Map<Setting, number[]>()

  constructor() {
    super()
    this.setDebuggerLinesStartAt1(true)
    this.setDebuggerColumnsStartAt1(true)
  }

  get #session(): Debugger {
    if (!this.#open) throw new RefusedError('NOT_LAUNCHED', 'nothing is debugged; launch a program first')
    return this.#open.session
  }

  /** Answers a request: what goes wrong is its answer, and the session goes on. */
  #answer<T extends Dap.Response>(response: T, work: () => Answer<T> | Promise<Answer<T>>): void {
    void (async () => {
      try {
        const body = await work()
        if (body !== undefined) response.body = body
        this.sendResponse(response)
      } catch (error) {
        const { code, message } = error as Error & { code?: unknown }
        const known = typeof code === 'string' ? ` [${code}]` : ''
        this.sendErrorResponse(response, {
          id: 1,
          format: '{_text}',
          variables: { _text: `${message}${known}` },
        })
      }
    })()
  }

  protected override initializeRequest(response: Dap.InitializeResponse): void {
    this.#answer(response, () => ({
      supportsConfigurationDoneRequest: true,
      supportsFunctionBreakpoints: true,
      supportsConditionalBreakpoints: true,
      supportsHitConditionalBreakpoints: true,
      supportsInstructionBreakpoints: true,
      supportsStepBack: true,
      supportsSteppingGranularity: true,
      supportsEvaluateForHovers: true,
      supportsReadMemoryRequest: true,
      supportsDisassembleRequest: true,
      supportsSetVariable: true,
      supportsTerminateRequest: true,
    }))
  }

  protected override launchRequest(response: Dap.LaunchResponse, args: Dap.LaunchRequestArguments): void {
    const { program: file, stopOnEntry = true, ...input } = args as LaunchArguments
    this.#answer(response, async () => {
      if (typeof file !== 'string')
        throw new RefusedError('BAD_LAUNCH', 'the launch has no "program"; give the path of an object file')
      this.#open?.close()
      this.#open = await openSession({ ...input, file })
      this.#open.runtime.on('printk', ({ text }) => this.sendEvent(new OutputEvent(`${text}\n`, 'stdout')))
      this.#variables = new Variables(this.#session, this.#open.collection)
      this.#file = resolve(file)
      this.#stopOnEntry = stopOnEntry
      this.sendEvent(new InitializedEvent())
      return undefined
    })
  }

  protected override configurationDoneRequest(response: Dap.ConfigurationDoneResponse): void {
    this.#answer(response, () => {
      if (this.#stopOnEntry) this.#stopped({ reason: 'entry', ids: [] })
      else this.#go((limit) => this.#session.continue(limit))
      return undefined
    })
  }

  protected override setBreakPointsRequest(
    response: Dap.SetBreakpointsResponse,
    { source, breakpoints = [] }: Dap.SetBreakpointsArguments,
  ): void {
    const file = basename(source.path ?? source.name ?? '')
    this.#answer(response, () => ({
      breakpoints: this.#replace(
        `file ${source.path ?? file}`,
        breakpoints.map((one) => ({ ...one, location: { kind: 'line', line: one.line, file } })),
      ),
    }))
  }

  protected override setFunctionBreakPointsRequest(
    response: Dap.SetFunctionBreakpointsResponse,
    { breakpoints }: Dap.SetFunctionBreakpointsArguments,
  ): void {
    // A helper's name stands for its calls.
    const locate = (name: string): Location =>
      name.startsWith('bpf_') ? { kind: 'helper', name } : { kind: 'function', name }
    this.#answer(response, () => ({
      breakpoints: this.#replace(
        'function',
        breakpoints.map((one) => ({ ...one, location: locate(one.name) })),
      ),
    }))
  }

  protected override setInstructionBreakpointsRequest(
    response: Dap.SetInstructionBreakpointsResponse,
    { breakpoints }: Dap.SetInstructionBreakpointsArguments,
  ): void {
    this.#answer(response, () => ({
      breakpoints: this.#replace(
        'instruction',
        breakpoints.map((one) => ({
          ...one,
          location: this.#instruction(one.instructionReference, one.offset),
        })),
      ),
    }))
  }

  protected override threadsRequest(response: Dap.ThreadsResponse): void {
    this.#answer(response, () => ({
      threads: [new Thread(THREAD, this.#open?.session.program ?? 'program')],
    }))
  }

  protected override stackTraceRequest(
    response: Dap.StackTraceResponse,
    { startFrame = 0, levels = Number.MAX_SAFE_INTEGER }: Dap.StackTraceArguments,
  ): void {
    this.#answer(response, () => {
      const { frames } = this.#session
      const stackFrames = frames.slice(startFrame, startFrame + (levels || frames.length)).map((frame, n) => {
        const { source } = frame
        const told = new StackFrame(
          startFrame + n,
          frame.function,
          source && new Source(basename(source.file), resolve(dirname(this.#file), source.file)),
          source?.line ?? 0,
          source?.column ?? 0,
        ) as Dap.StackFrame
        told.instructionPointerReference = `${frame.program}:${frame.pc}`
        return told
      })
      return { stackFrames, totalFrames: frames.length }
    })
  }

  protected override scopesRequest(response: Dap.ScopesResponse, { frameId }: Dap.ScopesArguments): void {
    this.#answer(response, () => ({
      scopes: this.#variables!.scopes(frameId).map(({ name, reference }) => new Scope(name, reference)),
    }))
  }

  protected override variablesRequest(
    response: Dap.VariablesResponse,
    { variablesReference }: Dap.VariablesArguments,
  ): void {
    this.#answer(response, () => ({
      variables: this.#variables!.of(variablesReference).map(({ name, value, reference = 0, address }) => ({
        name,
        value,
        variablesReference: reference,
        ...(address === undefined ? {} : { memoryReference: hexOf(address) }),
      })),
    }))
  }

  protected override setVariableRequest(
    response: Dap.SetVariableResponse,
    { name, value }: Dap.SetVariableArguments,
  ): void {
    this.#answer(response, () => {
      const register = /^r(\d+)$/.exec(name)
      if (!register) throw new RefusedError('READ_ONLY', `${name} cannot be set; registers r0 to r9 can`)
      this.#session.setRegister(Number(register[1]), this.#session.evaluate(value))
      return { value: hexOf(this.#session.registers[Number(register[1])]!) }
    })
  }

  protected override evaluateRequest(
    response: Dap.EvaluateResponse,
    { expression }: Dap.EvaluateArguments,
  ): void {
    this.#answer(response, () => ({
      result: hexOf(this.#session.evaluate(expression)),
      variablesReference: 0,
    }))
  }

  protected override readMemoryRequest(
    response: Dap.ReadMemoryResponse,
    { memoryReference, offset = 0, count }: Dap.ReadMemoryArguments,
  ): void {
    this.#answer(response, () => {
      const address = Number(this.#session.evaluate(memoryReference)) + offset
      const bytes = this.#session.memory(address, count)
      return { address: hexOf(address), data: Buffer.from(bytes).toString('base64') }
    })
  }

  protected override disassembleRequest(
    response: Dap.DisassembleResponse,
    { memoryReference, instructionOffset = 0, instructionCount }: Dap.DisassembleArguments,
  ): void {
    this.#answer(response, () => {
      const [program = '', pc = '0'] = memoryReference.split(':')
      const code = this.#session.code(program)
      const slots = (code?.insns ?? []).flatMap((_, slot) => (code!.at(slot) ? [slot] : []))
      const first = slots.indexOf(Number(pc)) + instructionOffset
      return {
        instructions: Array.from({ length: instructionCount }, (_, n) => {
          const slot = slots[first + n]
          if (slot === undefined)
            return { address: '-1', instruction: '', presentationHint: 'invalid' as const }
          const source = code!.sourceAt(slot)
          return {
            address: `${program}:${slot}`,
            instruction: code!.textAt(slot),
            symbol: code!.functionAt(slot),
            ...(source ? { line: source.line } : {}),
          }
        }),
      }
    })
  }

  protected override continueRequest(response: Dap.ContinueResponse): void {
    this.#answer(response, () => {
      this.#go((limit) => this.#session.continue(limit))
      return { allThreadsContinued: true }
    })
  }

  protected override nextRequest(response: Dap.NextResponse, { granularity }: Dap.NextArguments): void {
    this.#step(response, () =>
      granularity === 'instruction' ? this.#session.stepOver() : this.#session.stepLineOver(),
    )
  }

  protected override stepInRequest(response: Dap.StepInResponse, { granularity }: Dap.StepInArguments): void {
    this.#step(response, () =>
      granularity === 'instruction' ? this.#session.step() : this.#session.stepLine(),
    )
  }

  protected override stepOutRequest(response: Dap.StepOutResponse): void {
    this.#step(response, () => this.#session.stepOut())
  }

  protected override stepBackRequest(
    response: Dap.StepBackResponse,
    { granularity }: Dap.StepBackArguments,
  ): void {
    this.#step(response, () =>
      granularity === 'instruction' ? this.#session.stepBack() : this.#session.stepLineBack(),
    )
  }

  protected override reverseContinueRequest(response: Dap.ReverseContinueResponse): void {
    this.#step(response, () => this.#session.continueBack())
  }

  protected override pauseRequest(response: Dap.PauseResponse): void {
    this.#pauses = true
    this.sendResponse(response)
  }

  protected override terminateRequest(response: Dap.TerminateResponse): void {
    this.#answer(response, () => {
      this.sendEvent(new TerminatedEvent())
      return undefined
    })
  }

  protected override disconnectRequest(
    response: Dap.DisconnectResponse,
    args: Dap.DisconnectArguments,
    request?: Dap.Request,
  ): void {
    this.#pauses = true
    this.#open?.close()
    this.#open = undefined
    super.disconnectRequest(response, args, request)
  }

  #step(response: Dap.Response, step: () => Stop): void {
    this.#answer(response, () => {
      const stop = step()
      // The answer comes before the event.
      setImmediate(() => this.#stopped(stop))
      return undefined
    })
  }

  /** Goes on slice by slice, so that a request to pause is heard. */
  #go(on: (limit: number) => Stop): void {
    if (this.#running) return
    this.#running = true
    this.#pauses = false
    const slice = (): void => {
      if (!this.#open) return
      const stop = on(SLICE)
      if (stop.reason === 'limit' && !this.#pauses) {
        setImmediate(slice)
        return
      }
      this.#running = false
      this.#stopped(stop)
    }
    setImmediate(slice)
  }

  #stopped({ reason, ids }: Stop): void {
    if (!this.#open) return
    this.#variables?.clear()
    const session = this.#session
    if (session.state === 'exited') {
      const { retval } = session.result()!
      this.sendEvent(new OutputEvent(`${session.program} returned ${retval}\n`, 'console'))
    }
    const event = new StoppedEvent(reasons[reason], THREAD) as Dap.StoppedEvent
    event.body.hitBreakpointIds = [...ids]
    event.body.allThreadsStopped = true
    // A run that is over can be gone through backward: it stays until the client ends it.
    if (session.state === 'exited') event.body.description = 'the program has returned'
    if (session.fault) event.body.text = `fault ${session.fault.code} at slot ${session.fault.pc}`
    this.sendEvent(event)
  }

  #instruction(reference: string, offset = 0): Location {
    const [program = '', pc = ''] = reference.split(':')
    return { kind: 'insn', program, pc: Number(pc) + offset }
  }

  /** What the client asks for instead of what it had asked for before. */
  #replace(
    setting: Setting,
    wanted: readonly { location: Location; condition?: string; hitCondition?: string }[],
  ): Dap.Breakpoint[] {
    for (const id of this.#set.get(setting) ?? []) this.#session.remove(id)
    const ids: number[] = []
    this.#set.set(setting, ids)
    return wanted.map(({ location, condition, hitCondition }) => {
      try {
        const set = this.#session.addBreakpoint(location, {
          ...(condition ? { condition } : {}),
          ...(hitCondition ? { ignore: Math.max(Number(hitCondition) - 1, 0) || 0 } : {}),
        })
        ids.push(set.id)
        return verified(set)
      } catch (error) {
        return { ...new DapBreakpoint(false), message: (error as Error).message }
      }
    })
  }
}

function verified({ id, line }: Breakpoint): Dap.Breakpoint {
  return { id, verified: true, ...(line === undefined ? {} : { line }) }
}
