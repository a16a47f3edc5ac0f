// Draws the ratios of a run of the bench to the kernel's test run as bars, in an SVG for light and dark pages.
// usage (in this folder): node chart.mjs BENCH.json OUT.svg
import { readFileSync, writeFileSync } from 'node:fs'
import { argv, exit } from 'node:process'
import * as vega from 'vega'
import { compile } from 'vega-lite'

const [, , input, output] = argv
if (!input || !output) {
  console.error('usage: node chart.mjs BENCH.json OUT.svg')
  exit(2)
}
const { programs } = JSON.parse(readFileSync(input, 'utf8'))
const titles = { interpreter: 'interpreter', jit: 'JIT, a call each', 'jit-batch': 'JIT, batches' }
const values = programs.flatMap(({ id, title, sides }) =>
  Object.entries(titles).flatMap(([side, name]) =>
    sides[side]?.ratio ? [{ program: `${id}  ${title}`, side: name, ratio: sides[side].ratio.median }] : [],
  ),
)
if (values.length === 0) {
  console.error(`${input} has no ratios: the run had no kernel to compare with`)
  exit(1)
}

// A grey that both white and black pages set off.
const text = '#808080'
const quiet = {
  labelColor: text,
  titleColor: text,
  gridColor: '#80808040',
  domainColor: text,
  tickColor: text,
}
const chart = {
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
writeFileSync(output, `${await view.toSVG()}\n`)
