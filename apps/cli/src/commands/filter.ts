import { filterCapture } from '@skep/hook-socket'
import { type ClassicInsn, decode, formatClassic, formatDdd, formatKernel } from '@skep/isa'
import { formatCArray } from '@skep/loader-cbpf'
import {
  type CompileFilterOptions,
  compileClassicFilter,
  compileFilter,
  FilterError,
  filterDot,
  linkTypeByName,
} from '@skep/loader-cbpf/filter'
import { openBlockingSink, openBlockingSource } from '@skep/packet/node'
import { createRuntime } from '@skep/runtime'
import { Command, Option } from 'commander'
import { captureHead } from '../capture-head.ts'
import { fileResolver } from '../filter-names.ts'
import { about } from '../input.ts'
import { print, printJson } from '../output.ts'
import { RefusedError, UsageError } from '../report.ts'
import { programCache } from './run-load.ts'

interface Options {
  readonly write?: string
  readonly linkType?: string
  readonly snaplen: string
  readonly scoped?: boolean
  readonly optimize: boolean
  readonly graph?: boolean
  readonly target?: string
  readonly engine: string
  readonly json?: boolean
}

const TARGETS = ['socket_filter', 'sched_cls', 'sched_act', 'xdp'] as const

/** `skep filter EXPRESSION [CAPTURE]`: the pcap filter language over a capture, and the code that it becomes. */
export function filterCommand(): Command {
  let code = 0
  const command = new Command('filter')
  return command
    .description('keep the packets of a capture that a filter expression accepts, or show its code')
    .argument('<expression>', "an expression as tcpdump takes it: 'tcp port 80'")
    .argument('[capture]', 'pcap or pcapng file with the packets')
    .option('-w, --write <capture>', 'write the packets that pass to a pcap file')
    .option('-d, --code', 'show the code; -dd as C, -ddd as numbers')
    .option('--graph', 'show the graph of tests, in the DOT language')
    .option('-y, --link-type <type>', 'name or number of the link type (default: the capture’s, else EN10MB)')
    .option('-s, --snaplen <bytes>', 'keep so many bytes of each packet', '262144')
    .option('--scoped', 'vlan, mpls, pppoes, geneve and vxlan hold for their alternative of an `or` alone')
    .option('-O, --no-optimize', 'leave the code as the expression has it')
    .addOption(new Option('--target <type>', 'show eBPF for this program type').choices([...TARGETS]))
    .addOption(new Option('--engine <name>').choices(['jit', 'interpreter']).default('jit'))
    .option('--json', 'answer with JSON')
    .on('option:code', () => code++)
    .addHelpText('after', "\nExample:\n  skep filter 'tcp port 80' in.pcap -w out.pcap")
    .action(async (expression: string, capture: string | undefined, options: Options) => {
      const shows = code > 0 || options.graph || options.target !== undefined
      if (capture === undefined && !shows) {
        throw new UsageError('give a capture, or -d, --graph or --target to see what the expression becomes')
      }
      const compile = compileOptions(options, capture)
      try {
        if (shows) show(expression, compile, options, code)
        else await runOver(expression, capture!, compile, options)
      } catch (error) {
        throw pointing(error)
      }
    })
}

/** The word that is wrong, underlined. */
function pointing(error: unknown): unknown {
  if (!(error instanceof FilterError) || error.length === 0) return error
  return new RefusedError(error.code, `${error.message}\n${error.caret}`)
}

function compileOptions(options: Options, capture: string | undefined): CompileFilterOptions {
  const head = capture === undefined ? undefined : captureHead(capture)
  const snaplen = Number(options.snaplen)
  if (!Number.isInteger(snaplen) || snaplen < 1) {
    throw new UsageError(`--snaplen takes a number of bytes from 1, not "${options.snaplen}"`)
  }
  return {
    linkType: options.linkType === undefined ? (head?.linkType ?? 1) : linkTypeOf(options.linkType),
    bigEndian: head?.bigEndian ?? false,
    snaplen,
    // tcpdump knows of no network either, where it reads a file.
    netmask: 0,
    scoped: options.scoped ?? false,
    optimise: options.optimize,
    resolver: fileResolver(),
  }
}

function linkTypeOf(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : linkTypeByName(text)
  if (number !== undefined) return number
  throw new UsageError(
    `--link-type: no link type is called ${text}; see https://www.tcpdump.org/linktypes.html`,
  )
}

function show(expression: string, compile: CompileFilterOptions, options: Options, code: number): void {
  if (options.graph) {
    print(filterDot(expression, compile).trimEnd())
    return
  }
  if (options.target !== undefined) {
    const { insns } = compileFilter(expression, { ...compile, target: options.target }).programs[0]!
    const lines = decode(insns).map((insn) => formatKernel(insn))
    if (options.json) printJson(lines)
    else for (const [at, line] of lines.entries()) print(`${at}: ${line}`)
    return
  }
  const insns = compileClassicFilter(expression, compile)
  if (options.json) printJson(insns)
  else print(listing(insns, code))
}

function listing(insns: readonly ClassicInsn[], code: number): string {
  if (code === 1) return formatClassic(insns).join('\n')
  return (code === 2 ? formatCArray(insns) : formatDdd(insns)).trimEnd()
}

async function runOver(
  expression: string,
  capture: string,
  compile: CompileFilterOptions,
  options: Options,
): Promise<void> {
  const spec = compileFilter(expression, compile)
  const runtime = await createRuntime({ engine: options.engine, ...programCache() })
  const sink = options.write === undefined ? undefined : openBlockingSink(options.write)
  try {
    const collection = await runtime.load(spec)
    const program = collection.program(spec.programs[0]!.name, 'socket_filter')
    const source = openBlockingSource(capture)
    const { stats } = await filterCapture(program, source, sink ? { pass: sink } : {})
    if (options.json) printJson({ packets: stats.packets, bytes: stats.bytes, passed: stats.passed })
    else if (sink === undefined) print(`${stats.passed} of ${stats.packets} packets`)
  } catch (error) {
    throw about(capture, error)
  } finally {
    await sink?.close?.()
    runtime.close()
  }
}
