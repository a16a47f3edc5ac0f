import { createArena } from '@skep/memory'
