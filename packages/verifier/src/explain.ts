export { type ExplanationStyle, renderExplanation } from './explain/render.ts'
export { type FoundRefusal, findRefusal } from './refusals/find-refusal.ts'
