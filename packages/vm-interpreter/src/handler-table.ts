import * as handlers from './layout/handlers.ts'

/** The numbers of all handlers, by name, in the order of names. */
export const handlerTable: typeof handlers = handlers
