import type { BackwardReport, CheckReport } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import {
  formatCount,
  formatDifference,
  formatQuantity,
  formatRatio,
  formatSeconds,
  formatSetting,
  formatValue,
} from '../../../src/report/format-numbers.js'
import { formatShape } from '../../../src/tensor.js'
import type { ErrorHistogram, GradientSummary } from '../worker/protocol.js'
import { CLASSES_PER_DECADE, LOWEST_POWER } from '../worker/summarize.js'
import { describeChecked, describeTensor, describeVerdict } from './verdict-words.js'

/** The report as one HTML file that needs no other: no script, no address. Everything from outside is escaped. */
export function formatHtmlReport(
  report: CheckReport,
  summary: GradientSummary,
  title: string,
  date: Date,
): string {
  const { headline, explanation, reasons } = describeVerdict(report)
  const { device, timing } = report
  const facts: [string, string][] = [
    ['Difference', `${formatDifference(report.difference)}, tolerance ${formatSetting(report.tolerance)}`],
    ['Numerical error', formatDifference(report.numericalError)],
    ['Loss J', formatValue(report.cost)],
    [
      'Checked',
      `${formatCount(report.parameters.checked)} of ${formatQuantity(report.parameters.total, 'parameter')}`,
    ],
    ['Work', `${formatQuantity(timing.perturbations, 'perturbation')} in ${formatSeconds(timing.seconds)}`],
    [
      'Method',
      `${report.method}, ${report.scheme}, h = ${formatSetting(report.step)}, ${report.precision} precision`,
    ],
    ['Device', `${device.evaluator}: ${device.adapter}${device.software ? ' (software)' : ''}`],
  ]
  const list = (items: readonly string[]) =>
    items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(`${headline}: ${title}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="title">${escapeHtml(title)} · ${escapeHtml(date.toISOString().slice(0, 16).replace('T', ' '))} UTC</p>
<h1 class="${report.verdict}">${escapeHtml(headline)}</h1>
<p>${escapeHtml(explanation)}</p>
${list(report.diagnosis.map(({ message }) => message))}
${list(reasons)}
${list(report.notices.filter((notice) => !reasons.includes(notice)))}
${report.backward === undefined ? '' : formatBackward(report.backward)}
<h2>Tensors</h2>
${formatTable(
  ['Gradient', 'Shape', 'Checked', 'Difference', 'Wrong', 'Kinks', 'Verdict'],
  report.tensors.map((tensor) => [
    tensor.gradient,
    formatShape(tensor.shape),
    describeChecked(tensor),
    tensor.checked === 0 ? '–' : formatDifference(tensor.difference),
    formatCount(tensor.wrongEntries),
    formatCount(tensor.kinks),
    describeTensor(tensor, report).label,
  ]),
)}
<h2>Worst entries</h2>
${formatTable(
  ['Entry', 'Analytical', 'Numerical', 'Ratio', 'Relative error'],
  summary.largest.map((entry) => [
    `${report.tensors[entry.tensor].gradient}[${entry.index.join(', ')}]`,
    formatValue(entry.analytical),
    formatValue(entry.numerical),
    formatRatio(entry.analytical, entry.numerical),
    formatDifference(entry.relativeError),
  ]),
)}
<h2>Relative errors of all entries</h2>
${summary.histograms.length > 0 ? formatHistogram(summary.histograms[0]) : ''}
<h2>How it was checked</h2>
${formatTable(['', ''], facts)}
</main>
</body>
</html>
`
}

/** Text as it stands in HTML, with control characters made visible. */
export function escapeHtml(text: string): string {
  return escapeControls(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function formatTable(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')
  const head = names.every((name) => name === '') ? '' : `<thead><tr>${cells('th', names)}</tr></thead>`
  return `<div class="scroll"><table>${head}<tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n')}</tbody></table></div>`
}

/** The backward pass with a mark at each line, and the reasons of those that are wrong. */
function formatBackward({ file, entry, lines, notices }: BackwardReport): string {
  const rows = lines.map(({ line, text, mark, reason, alternatives = [] }) => {
    const others = alternatives.map((other) => `line ${other.line}`).join(' or ')
    const why = [reason, others === '' ? undefined : `or ${others}`].filter((part) => part !== undefined)
    const words = mark === 'right' ? '' : `${mark}${why.length === 0 ? '' : `: ${why.join('; ')}`}`
    return `<tr class="${mark.replace(' ', '-')}"><td>${line}</td><td><code>${text.replaceAll('\t', '    ').split('\n').map(escapeHtml).join('\n')}</code></td><td>${escapeHtml(words)}</td></tr>`
  })
  const said = notices.map((notice) => `<p>${escapeHtml(notice)}</p>`).join('')
  return `<h2>Backward pass ${escapeHtml(`${file}:${entry}`)}</h2>
${said}<div class="scroll"><table class="listing"><tbody>${rows.join('\n')}</tbody></table></div>`
}

function formatHistogram({ counts }: ErrorHistogram): string {
  const most = Math.max(1, ...counts)
  const bars = counts.map((count, k) => {
    const height = (100 * Math.log1p(count)) / Math.log1p(most)
    const from = 10 ** (LOWEST_POWER + k / CLASSES_PER_DECADE)
    return `<rect x="${k * 10}" y="${(100 - height).toFixed(1)}" width="9" height="${height.toFixed(1)}"><title>${formatCount(count)} from ${formatDifference(from)}</title></rect>`
  })
  const label = (power: number) =>
    `<text x="${(power - LOWEST_POWER) * 10 * CLASSES_PER_DECADE}" y="116">1e${power}</text>`
  return `<svg viewBox="0 0 ${counts.length * 10 + 30} 120" role="img" aria-label="Entries by relative error">${bars.join('')}${[-16, -12, -8, -4, 0].map(label).join('')}</svg>`
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1d2433;--quiet:#556;--line:#d5d9e2;--back:#fff;--pass:#0b6b43;--fail:#b3261e;--inconclusive:#855300;--bar:#4f46e5}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaf1;--quiet:#a5abbd;--line:#363c4d;--back:#14171f;--pass:#6bd6a2;--fail:#ff9d94;--inconclusive:#f3c26b;--bar:#a5b4fc}}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem}
.title{color:var(--quiet);margin:0}h1{font-size:2rem;margin:.2em 0}
.pass{color:var(--pass)}.fail{color:var(--fail)}.inconclusive{color:var(--inconclusive)}
h2{font-size:1.1rem;margin:2rem 0 .5rem}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .8rem .3rem 0;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
code{white-space:pre}.listing .wrong{color:var(--fail);font-weight:700}.listing .suspect{color:var(--inconclusive);font-weight:700}.listing .not-reached,.listing .not-judged{color:var(--quiet)}
.listing td:last-child{white-space:normal}
svg{width:100%;max-width:40rem}rect{fill:var(--bar)}text{font-size:9px;fill:var(--quiet)}
`
