import { matches, parseGraftWords, pinPathOf, scanSlot, Words } from '@skep/loader-tc'
import { type MapHandle, PinError, Program } from '@skep/runtime'
import { errnoText, TcFailure } from './failure.ts'
import { loadWords } from './load.ts'
import type { TcState } from './state.ts'

const USAGE = [
  'Usage: ... bpf [ import NAME ]',
  '       ... bpf [ debug ]',
  '       ... bpf [ graft MAP_FILE ] [ key KEY ]',
  '          `... [ object-file OBJ_FILE ] [ type TYPE ] [ section NAME ] [ verbose ]',
  '          `... [ object-pinned PROG_FILE ]',
]

/** `tc exec bpf …`: another program into a slot, what programs print, maps that were exported. Throws TcFailure, TcError. */
export async function runExec(state: TcState, args: readonly string[]): Promise<string[]> {
  const words = new Words(args)
  if (words.isExactly('bpf')) words.at++
  else throw new TcFailure(255, `Command "${words.word}" is unknown, try "tc exec help".`)
  if (words.done) return []
  const command = words.take()
  if (matches(command, 'debug') || command === 'dbg') return state.trace.splice(0)
  if (matches(command, 'graft')) return graft(state, args, words.at)
  if (matches(command, 'import')) return takeOver(state, words)
  throw new TcFailure(255, ...USAGE)
}

async function graft(state: TcState, args: readonly string[], at: number): Promise<string[]> {
  const words = parseGraftWords(args, at)
  const { program, section } = await loadWords(state, words.program)
  const key = words.key ?? (section === undefined ? undefined : scanSlot(section)?.key)
  if (key === undefined)
    throw new TcFailure(234, "Couldn't infer map key from section name! Please provide 'key' argument!")
  const map = await pinnedArray(state, words.map)
  try {
    map.update(word(key), word(program.record))
  } catch (error) {
    const errno = String((error as { code?: unknown }).code ?? (error as Error).message)
    throw new TcFailure(255, `Map update failed: ${errnoText(errno)}`)
  }
  return []
}

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

async function pinnedArray(state: TcState, path: string): Promise<MapHandle> {
  const map = await state.runtime.openPin(pinPathOf(path)).catch((error: unknown) => {
    if (!(error instanceof PinError)) throw error
    throw new TcFailure(255, `Couldn't retrieve pinned map '${path}': ${errnoText(error.errno)}`)
  })
  if (map instanceof Program)
    throw new TcFailure(255, `Couldn't retrieve pinned map '${path}': Invalid argument`)
  if (map.type === 'prog_array' && map.keySize === 4 && map.valueSize === 4) return map
  const type = state.runtime.platform.mapTypes.byName(map.type)?.id
  const lines = [
    [3, type, 'Type:         '],
    [4, map.keySize, 'Size key:     '],
    [4, map.valueSize, 'Size value:   '],
  ].flatMap(([wanted, found, name]) =>
    wanted === found ? [] : [` - ${name}${wanted} (obj) != ${found} (pin)`],
  )
  throw new TcFailure(
    234,
    'Map specification differs from pinned file!',
    ...lines,
    '',
    `Map '${path}' self-check failed!`,
  )
}

/** The maps of an `export`, in the variables that tc gives to the command which it runs. */
function takeOver(state: TcState, words: Words): string[] {
  const path = words.take()
  if (words.is('run'))
    throw new TcFailure(
      255,
      'bpf: No run command provided!',
      'the maps live in this process; leave run out to see them',
    )
  const found = state.exported.get(path)
  if (!found)
    throw new TcFailure(
      255,
      `Cannot bind to socket: nothing was exported to ${path}`,
      'bpf: Could not receive fds!',
    )
  return [`BPF_NUM_MAPS=${found.maps.length}`, ...found.maps.map(({ id, map }) => `BPF_MAP${id}=${map}`)]
}
