export * from './contract.ts'
export * from './define.ts'
