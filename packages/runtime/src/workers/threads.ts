/** What a runtime needs for workers: loaded where memory is shared. */
export { printPlugin } from './fingerprint.ts'
export { WorkerHub } from './hub.ts'
export { describeCollection } from './shared.ts'
export { Spread } from './spread.ts'
