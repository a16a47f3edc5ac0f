import { build } from '../../tsup.base.ts'

export default build(
  { entry: ['src/{main,conformance}.ts'], platform: 'node' },
  { declarations: false, program: { external: ['koffi'] } },
)
