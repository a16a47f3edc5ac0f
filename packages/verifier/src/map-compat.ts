import type { CallMeta } from './args.ts'
import type { Env } from './env.ts'
import { fail } from './errors.ts'

/** check_map_func_compatibility: the map takes this helper, and the helper this kind of map. */
export function checkMapCompatibility(env: Env, meta: CallMeta): void {
  const { map, helper } = meta
  if (!map) return
  const guarded = map.def?.verify?.guardedHelpers?.[helper.name]
  if (guarded) {
    const own = env.type.name
    if (guarded.includes(own) || guarded.includes(`${own}/${env.attachType ?? ''}`)) return
    fail(
      'EINVAL',
      'cannot update sockmap in this context',
      `cannot pass map_type ${map.typeId} into func ${helper.name}#${helper.id}`,
    )
  }
  const byMap = map.def?.helpers === undefined || map.def.helpers.includes(helper.name)
  const types = helper.args.find((a) => a.kind === 'const_map_ptr')?.mapTypes
  const byHelper = types === undefined || (map.def !== undefined && types.includes(map.def.name))
  if (byMap && byHelper) return
  fail('EINVAL', `cannot pass map_type ${map.typeId} into func ${helper.name}#${helper.id}`)
}
