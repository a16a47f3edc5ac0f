export { CodeMap, type SourceLine } from './code.ts'
export { type Condition, parseCondition, type Surroundings } from './condition.ts'
export {
  createDebugger,
  Debugger,
  type DebuggerInput,
  type DebuggerOptions,
  type Fault,
  type Frame,
  type Place,
} from './debugger.ts'
export { DebuggerError, type DebuggerErrorCode } from './errors.ts'
export type {
  Breakpoint,
  BreakpointOptions,
  Location,
  Stop,
  StopReason,
  Watched,
  Watchpoint,
} from './stops.ts'
