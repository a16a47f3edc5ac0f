import { createInterface } from 'node:readline/promises'
import type { Stop } from '@skep/debugger'
import pc from 'picocolors'
import { isTyped } from '../report.ts'
import type { OpenSession } from './open-session.ts'
import { type Terminal, terminalCommands } from './terminal-commands.ts'

const PROMPT = '(skep) '

/** Reads commands from standard input and does them, until `quit` or the end of the input. */
export async function runTerminal({ session, runtime, collection }: OpenSession): Promise<void> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  const terminal: Terminal = { session, collection, print }
  runtime.on('printk', ({ text }) => print(text))
  const interactive = process.stdin.isTTY === true
  const lines = createInterface({
    input: process.stdin,
    prompt: PROMPT,
    ...(interactive ? { output: process.stdout } : {}),
  })
  tell(terminal, { reason: 'entry', ids: [] })
  lines.prompt()
  // An empty line does the last command again, as debuggers do.
  let last = ''
  for await (const line of lines) {
    const text = line.trim() || (interactive ? last : '')
    last = text
    if (text === 'quit' || text === 'q') break
    if (text !== '' && !text.startsWith('#')) execute(terminal, text)
    lines.prompt()
  }
  lines.close()
}

function execute(terminal: Terminal, text: string): void {
  const [, name = '', args = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? []
  const command = terminalCommands.find(({ names }) => names.includes(name))
  if (!command) {
    terminal.print(pc.red(`no command ${name}; help tells them all`))
    return
  }
  try {
    const outcome = command.run(terminal, args)
    if (typeof outcome === 'string') terminal.print(outcome)
    else if (outcome) tell(terminal, outcome)
  } catch (error) {
    if (!isTyped(error)) throw error
    terminal.print(pc.red((error as Error).message))
  }
}

function tell({ session, print }: Terminal, { reason, ids }: Stop): void {
  const { place, position, state, fault } = session
  if (state === 'exited') {
    print(`${pc.bold('exited')} with ${session.result()!.retval} after ${position} instructions`)
    return
  }
  if (fault) print(pc.red(`fault ${fault.code} at slot ${fault.pc}, address 0x${fault.address.toString(16)}`))
  const why = reason === 'step' ? '' : `${pc.bold(reason)}${ids.length > 0 ? ` ${ids.join(', ')}` : ''}: `
  const { source } = place
  print(`${why}${place.function}${source ? ` at ${source.file}:${source.line}` : ''}`)
  if (source) print(`${pc.dim(`${source.line}`.padStart(4))} ${source.text}`)
  print(`${pc.dim(`${place.pc}`.padStart(4))} ${place.text}`)
}
