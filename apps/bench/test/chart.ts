import * as vega from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import type { BenchReport } from '../src/json.ts'

const titles = { interpreter: 'interpreter', jit: 'JIT, a call each', 'jit-batch': 'JIT, batches' } as const

/** Ratios to the kernel's test run as bars: an SVG for light and dark pages. */
export async function drawChart({ programs }: Pick<BenchReport, 'programs'>): Promise<string> {
  const values = programs.flatMap(({ id, title, sides }) =>
    (Object.keys(titles) as (keyof typeof titles)[]).flatMap((side) =>
      sides[side]?.ratio
        ? [{ program: `${id}  ${title}`, side: titles[side], ratio: sides[side].ratio!.median }]
        : [],
    ),
  )
  // A grey that both white and black pages set off.
  const text = '#808080'
  const quiet = {
    labelColor: text,
    titleColor: text,
    gridColor: '#80808040',
    domainColor: text,
    tickColor: text,
  }
  const chart: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    data: { values },
    width: 560,
    height: { step: 9 },
    mark: { type: 'bar', tooltip: true },
    encoding: {
      y: { field: 'program', type: 'nominal', sort: null, title: null },
      yOffset: { field: 'side', sort: Object.values(titles) },
      x: {
        field: 'ratio',
        type: 'quantitative',
        scale: { type: 'log', domainMin: 0.01 },
        title: "time divided by the kernel's test run (logarithmic; 1 is equal)",
      },
      x2: { datum: 0.01 },
      color: {
        field: 'side',
        type: 'nominal',
        title: null,
        scale: { domain: Object.values(titles), range: ['#9a6fb0', '#d1842f', '#2f8fa8'] },
        legend: { labelColor: text, orient: 'top' },
      },
    },
    config: {
      background: 'transparent',
      axis: { ...quiet, labelLimit: 300 },
      view: { stroke: null },
      font: 'sans-serif',
    },
  }
  const view = new vega.View(vega.parse(compile(chart).spec), { renderer: 'none' })
  return `${await view.toSVG()}\n`
}
