export { createInterpreterEngine, type InterpreterOptions, interpreterEngine } from './engine.ts'
export { InterpreterError, type InterpreterErrorCode } from './errors.ts'
export {
  type CodePlace,
  createStepper,
  Stepper,
  type StepperFault,
  type StepperFrame,
  type StepperMark,
  type StepperState,
  type StepperStop,
} from './stepper.ts'
