import { build } from '../../tsup.base.ts'

export default build(
  { entry: ['src/index.ts', 'src/core.ts', 'src/core-worker.ts', 'src/worker.ts', 'src/node.ts'] },
  { bundled: ['eventemitter3'], checked: ['src/index.ts'] },
)
