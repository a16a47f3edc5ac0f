import { classicTarget } from './classic.ts'
import { elfTarget } from './elf.ts'
import { filterTarget } from './filter.ts'
import type { FuzzTarget } from './target.ts'
import { tcTarget } from './tc.ts'

/** The loaders under test, by name; `root` is the workspace's folder. */
export const loaderTargets = (root: string): Readonly<Record<string, () => FuzzTarget>> => ({
  elf: () => elfTarget(root),
  classic: classicTarget,
  tc: () => tcTarget(root),
  filter: () => filterTarget(root),
})
