import { build } from '../../tsup.base.ts'

export default build(
  { entry: ['src/main.ts', 'src/checker-thread.ts', 'src/load.ts'], platform: 'node' },
  { declarations: false },
)
