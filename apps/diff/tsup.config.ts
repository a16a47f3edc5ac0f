import { build } from '../../tsup.base.ts'

const programs = ['main', 'objects', 'classic', 'fuzz-loaders', 'filters']

export default build(
  { entry: programs.map((name) => `src/${name}.ts`), platform: 'node' },
  { declarations: false },
)
