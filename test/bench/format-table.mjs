/** What the table calls a method. */
export const METHOD_TITLES = {
  gpu: '**webgpu-gradcheck**',
  software: '**webgpu-gradcheck**',
  cpu: '**webgpu-gradcheck**',
  'gpu-parameters': '**webgpu-gradcheck**, by parameter',
  'software-parameters': '**webgpu-gradcheck**, by parameter',
  'cpu-parameters': '**webgpu-gradcheck**, by parameter',
  'numpy-loop': 'NumPy loop',
  'numpy-loop-in-place': 'NumPy loop without copies',
  'torch-gradcheck': 'torch gradcheck, complete',
  'torch-gradcheck-fast': 'torch gradcheck, fast mode',
  'torch-func': 'torch.func over weights',
  'torch-func-rows': 'torch.func over rows',
  'torch-matmul': 'torch.matmul 2048³',
}

const COLUMNS = [
  'case',
  'parameters',
  'method',
  'device',
  'seconds',
  'processor s',
  'parameters/s',
  '× NumPy loop',
  'difference',
  'remarks',
]
const ALIGNMENTS = [':--', '--:', ':--', ':--', '--:', '--:', '--:', '--:', '--:', ':--']

/**
 * The results as a Markdown document.
 * @param {any} results what the JSON file holds
 */
export function formatMarkdown(results) {
  const lines = [
    `# Bench of ${results.date}`,
    '',
    ...describeMachine(results).map((line) => `- ${line}`),
    '',
    formatLine(COLUMNS),
    formatLine(ALIGNMENTS),
    ...results.rows.map((row) => formatLine(formatCells(row))),
  ]
  return `${lines.join('\n')}\n`
}

function describeMachine({ machine, library, pythons, adapters, missing, time, matmul, cases }) {
  const lines = [
    `${machine.processor}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.platform}; Node ${machine.node}`,
    `webgpu-gradcheck ${library.version}${library.commit === undefined ? '' : `, commit ${library.commit}`}`,
  ]
  for (const { name, software } of adapters)
    lines.push(`WebGPU adapter: ${name}${software ? ' (software)' : ''}`)
  for (const { choice, reason } of missing) lines.push(`no \`${choice}\` device: ${reason}`)
  for (const { python, numpy, torch, cuda } of pythons) {
    const packages = [numpy && `NumPy ${numpy}`, torch && `PyTorch ${torch}`, cuda && `CUDA on ${cuda}`]
    lines.push(`Python ${python}: ${packages.filter(Boolean).join(', ') || 'neither NumPy nor PyTorch'}`)
  }
  for (const row of matmul) {
    lines.push(
      row.error === undefined
        ? `torch.matmul, 2048³, float32 without TF32, on ${row.deviceName}: ${formatRate(row.multiplyAddsPerSecond)} multiply-adds/s, difference ${formatError(row.difference)}`
        : `torch.matmul: ${row.error}`,
    )
  }
  for (const { title, activations, loss } of cases) lines.push(`${title}: ${activations.join(', ')}; ${loss}`)
  lines.push(
    `"scaled from …": what would take more than ${time.limit} s was timed on a random part of the parameters for about ${time.budget} s`,
  )
  return lines
}

function formatCells(row) {
  const title = METHOD_TITLES[row.method]
  const parameters = row.parameters.toLocaleString('en')
  if (row.error !== undefined) {
    return [row.title, parameters, title, row.deviceLabel ?? '', '', '', '', '', '', row.error]
  }
  const remarks = [...(row.scaled ? [formatFraction(row)] : []), ...(row.remarks ?? [])]
  const complete = row.complete !== false
  return [
    row.title,
    parameters,
    title,
    row.deviceLabel,
    formatSeconds(row.seconds),
    row.cores === undefined ? '–' : formatSeconds(row.seconds * row.cores),
    complete ? formatRate(row.total / row.seconds) : '–',
    complete && row.timesFaster !== undefined ? formatTimes(row.timesFaster) : '–',
    formatError(row.difference),
    remarks.join('; '),
  ]
}

const formatLine = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`

const formatFraction = ({ measured, total }) =>
  `scaled from ${Number(((100 * measured) / total).toPrecision(2))} %`

const formatSeconds = (seconds) =>
  seconds >= 1000 ? Math.round(seconds).toLocaleString('en') : `${Number(seconds.toPrecision(3))}`

const formatTimes = (times) =>
  times >= 100 ? Math.round(times).toLocaleString('en') : `${Number(times.toPrecision(2))}`

const formatRate = (rate) =>
  rate >= 1e7 ? rate.toExponential(1) : Math.round(Number(rate.toPrecision(3))).toLocaleString('en')

const formatError = (value) => (value === null || value === undefined ? 'not told' : value.toExponential(1))
