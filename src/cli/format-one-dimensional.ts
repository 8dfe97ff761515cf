import { encodeNumber } from '../report/json.js'
import { layoutTable } from '../report/layout-text.js'
import { chooseStyle } from '../report/text-style.js'
import { isReproduced, type OneDimensionalResult } from './one-dimensional-cases.js'

/** The one-dimensional cases as a table: the published figure, the textbook's here, and ours on each device. */
export function formatOneDimensional(
  results: readonly OneDimensionalResult[],
  options: { color?: boolean } = {},
): string {
  const style = chooseStyle(options.color ?? false)
  const devices = results[0].devices.map(({ report }) => nameDevice(report.device))
  const header = ['one dimension', 'published', 'textbook', ...devices].map((text) => ({
    text,
    paint: style.quiet,
  }))
  const rows = results.map((result) => [
    { text: result.published.name },
    { text: result.published.published },
    { text: String(result.textbook), paint: style.verdict[isReproduced(result) ? 'pass' : 'fail'] },
    ...result.devices.map(({ figure }) => ({ text: formatFigure(figure) })),
  ])
  const lines = layoutTable([header, ...rows], { rightAligned: header.map((_, k) => k).slice(1) })
  const unexpected = results.filter((result) => !isReproduced(result)).map(({ published }) => published.name)
  const note = unexpected.length > 0 ? [`not the figure it should be: ${unexpected.join(', ')}`] : []
  return `${[...lines, ...note].join('\n')}\n`
}

/** Ten digits: what difference arithmetic gets right in either precision shows. */
const formatFigure = (figure: number) => String(Number(figure.toPrecision(10)))

function nameDevice({
  evaluator,
  software,
}: OneDimensionalResult['devices'][number]['report']['device']): string {
  if (evaluator !== 'webgpu') return 'cpu'
  return software ? 'software' : 'gpu'
}

/** The one-dimensional cases for `--json`. */
export function oneDimensionalToJson(results: readonly OneDimensionalResult[]): object[] {
  return results.map((result) => {
    const { published, textbook, devices } = result
    return {
      name: published.name,
      formula: published.formula,
      at: published.at,
      step: published.step,
      scheme: published.scheme,
      figure: published.figure,
      published: Number(published.published),
      textbook: encodeNumber(textbook),
      reproduced: isReproduced(result),
      devices: devices.map(({ report, figure }) => ({
        ...report.device,
        figure: encodeNumber(figure),
        verdict: report.verdict,
      })),
    }
  })
}
