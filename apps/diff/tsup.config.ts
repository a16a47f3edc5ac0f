import { build } from '../../tsup.base.ts'

export default build({ entry: ['src/main.ts', 'src/objects.ts'], platform: 'node' }, { declarations: false })
