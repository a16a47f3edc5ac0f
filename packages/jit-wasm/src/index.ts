export { jit } from './engine.ts'
export { JitError, type JitErrorCode } from './errors.ts'
export {
  type CallbackExport,
  type CompiledModule,
  compileModule,
  type ModuleOptions,
  type ProgramExports,
} from './module.ts'
