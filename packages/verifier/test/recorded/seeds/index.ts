import type { Seed } from '../seed.ts'
import { arithmetic } from './arithmetic.ts'
import { branches } from './branches.ts'
import { bodies, declared, later, packets as packetCallees, params, returned, sleepers } from './callees.ts'
import { callbacks, globals, linked, loops } from './calls.ts'
import { accesses, results } from './context.ts'
import { dynptrs } from './dynptrs.ts'
import { bare, dead, depths, early, handed, handlers, lists, shared } from './functions.ts'
import { flow, helpers } from './helpers.ts'
import { joins } from './joins.ts'
import { liveness } from './liveness.ts'
import { fields, pairs, tables, users } from './loads.ts'
import { atomics, morePackets, packets, pointers, stack } from './memory.ts'
import { locks, sockets, timers, twoLocks } from './objects.ts'
import { precision } from './precision.ts'
import { resilient, sections } from './sections.ts'
import { slots } from './slots.ts'
import { speculation } from './speculation.ts'
import { strings } from './strings.ts'

/** The seeds, those that Linux accepts and those that it refuses. */
export const seeds: readonly Seed[] = [
  ...locks,
  ...twoLocks,
  ...timers,
  ...callbacks,
  ...globals,
  ...dynptrs,
  ...strings,
  ...results,
  ...packets,
  ...morePackets,
  ...atomics,
  ...sockets,
  ...stack,
  ...linked,
  ...loops,
  ...helpers,
  ...accesses,
  ...flow,
  ...pointers,
  ...sections,
  ...resilient,
  ...lists,
  ...early,
  ...bare,
  ...handlers,
  ...depths,
  ...dead,
  ...shared,
  ...handed,
  ...slots,
  ...liveness,
  ...users,
  ...pairs,
  ...tables,
  ...fields,
  ...params,
  ...bodies,
  ...sleepers,
  ...packetCallees,
  ...returned,
  ...later,
  ...declared,
  ...arithmetic,
  ...branches,
  ...speculation,
  ...precision,
  ...joins,
]
