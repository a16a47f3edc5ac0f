/** A log without what differs from load to load: addresses of maps, and time. */
export const comparable = (log: string): readonly string[] =>
  log
    .replaceAll(/\(18\) r(\d) = 0x[0-9a-f]+ */g, '(18) r$1 = … ')
    .replaceAll(/verification time.*\n/g, '')
    .replace(/(call|directly)processed/, '$1\nprocessed')
    .split('\n')
    .map((line) => line.trimEnd())
