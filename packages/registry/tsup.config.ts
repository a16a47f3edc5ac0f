import { build } from '../../tsup.base.ts'

export default build({ entry: ['src/index.ts', 'src/prechecked.ts'] }, { bundled: ['zod'] })
