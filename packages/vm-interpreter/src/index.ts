export { createInterpreterEngine, Interpreter, type InterpreterOptions, interpreterEngine } from './engine.ts'
export { InterpreterError, type InterpreterErrorCode } from './errors.ts'
