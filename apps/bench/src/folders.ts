import { fileURLToPath } from 'node:url'

/** The bench's own folder, from `src` or from `dist`. */
export const benchFolder: string = fileURLToPath(new URL('../', import.meta.url))
