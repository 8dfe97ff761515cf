import type { GradientEntries } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { formatDifference, formatValue } from '../../../src/report/format-numbers.js'
import { formatShape, unravelIndex } from '../../../src/tensor.js'
import { element, nextId } from '../dom.js'
import { drawCanvas, readColour, type Surface } from './canvas.js'
import { CellPainter } from './cell-painter.js'
import { type BlockEntry, blockStart, EntryGrid, type Window } from './grid.js'
import { formatPower } from './powers.js'
import { describeRamp, RAMP_POWERS } from './ramp.js'

const TALLEST = 420
const SMALLEST_CELL = 14
const LARGEST_CELL = 44
/** Blocks a side; more could not be told apart on a screen. */
const MOST_BLOCKS = 1024

/**
 * A tensor's relative errors as colours: zoomed and moved with buttons, keys, a pinch or by dragging. Cells too
 * small to see are joined, and show the worst of them.
 */
export function createHeatMap(entries: GradientEntries): HTMLElement {
  const grid = new EntryGrid(entries)
  const painter = new CellPainter(grid)
  const readout = element('output', { class: 'readout', 'aria-live': 'polite' })
  const help = element(
    'p',
    { class: 'hint', id: nextId('heat-map-help') },
    'Point at a cell, or focus the map and use the arrow keys; + and − zoom, 0 shows all.',
  )
  const canvas = element('canvas', {
    class: 'heat-map',
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'heat map',
    'aria-label': `Relative error of ${escapeControls(entries.gradient)}, shape ${formatShape(entries.shape)}`,
    'aria-describedby': help.id,
  })
  let view = grid.whole
  let cursor: { row: number; column: number } | undefined

  const counts = () => ({
    down: Math.min(view.rows, MOST_BLOCKS),
    across: Math.min(view.columns, Math.max(1, Math.min(MOST_BLOCKS, Math.floor(canvas.clientWidth)))),
  })

  const blockAt = (row: number, column: number): Window => {
    const { down, across } = counts()
    const k = Math.min(down - 1, Math.floor(((row - view.row) * down) / view.rows))
    const l = Math.min(across - 1, Math.floor(((column - view.column) * across) / view.columns))
    const top = blockStart(k, down, view.rows)
    const left = blockStart(l, across, view.columns)
    return {
      row: view.row + top,
      column: view.column + left,
      rows: Math.max(1, blockStart(k + 1, down, view.rows) - top),
      columns: Math.max(1, blockStart(l + 1, across, view.columns) - left),
    }
  }

  const drawing = drawCanvas(canvas, heightOf, draw)

  function heightOf(width: number): number {
    const cell = Math.min(LARGEST_CELL, Math.max(SMALLEST_CELL, width / grid.columns))
    return Math.min(TALLEST, Math.max(SMALLEST_CELL, cell * grid.rows))
  }

  function draw({ context, width, height }: Surface): void {
    context.fillStyle = readColour('--surface-sunken')
    context.fillRect(0, 0, width, height)
    context.imageSmoothingEnabled = false
    const { image, isComplete } = painter.paint(view, counts())
    context.drawImage(image, 0, 0, width, height)
    if (!isComplete) drawing.redraw()
    drawLines(context, width, height)
    drawCursor(context, width, height)
  }

  /** Gaps between cells, where cells are large enough for them. */
  function drawLines(context: CanvasRenderingContext2D, width: number, height: number): void {
    context.fillStyle = readColour('--surface')
    if (width / view.columns >= 8) {
      for (let j = 1; j < view.columns; j++) context.fillRect((j * width) / view.columns - 0.5, 0, 1, height)
    }
    if (height / view.rows >= 8) {
      for (let i = 1; i < view.rows; i++) context.fillRect(0, (i * height) / view.rows - 0.5, width, 1)
    }
  }

  function drawCursor(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (cursor === undefined) return
    const block = blockAt(cursor.row, cursor.column)
    const x = ((block.column - view.column) * width) / view.columns
    const y = ((block.row - view.row) * height) / view.rows
    const w = Math.max(4, (block.columns * width) / view.columns)
    const h = Math.max(4, (block.rows * height) / view.rows)
    for (const [colour, line] of [
      ['#000', 4],
      ['#fff', 2],
    ] as const) {
      context.strokeStyle = colour
      context.lineWidth = line
      context.strokeRect(x + 1, y + 1, w - 2, h - 2)
    }
  }

  function point(toRow: number, toColumn: number): void {
    const clamp = (value: number, from: number, length: number) =>
      Math.min(from + length - 1, Math.max(from, value))
    const next = {
      row: clamp(toRow, 0, grid.rows),
      column: clamp(toColumn, 0, grid.columns),
    }
    const row = scrollTo(next.row, view.row, view.rows)
    const column = scrollTo(next.column, view.column, view.columns)
    if (row !== view.row || column !== view.column) view = { ...view, row, column }
    cursor = next
    readout.textContent = describe(entries, grid.worstIn(blockAt(next.row, next.column)))
    drawing.redraw()
  }

  function zoom(
    factor: number,
    row = view.row + view.rows / 2,
    column = view.column + view.columns / 2,
  ): void {
    const rows = Math.max(1, Math.min(grid.rows, Math.round(view.rows / factor)))
    const columns = Math.max(1, Math.min(grid.columns, Math.round(view.columns / factor)))
    const keep = (at: number, from: number, length: number, next: number, whole: number) =>
      Math.round(Math.min(whole - next, Math.max(0, at - ((at - from) / length) * next)))
    view = {
      rows,
      columns,
      row: keep(row, view.row, view.rows, rows, grid.rows),
      column: keep(column, view.column, view.columns, columns, grid.columns),
    }
    drawing.redraw()
  }

  function showAll(): void {
    view = grid.whole
    drawing.redraw()
  }

  const cellUnder = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect()
    return {
      row: view.row + Math.floor(((event.clientY - box.top) / box.height) * view.rows),
      column: view.column + Math.floor(((event.clientX - box.left) / box.width) * view.columns),
    }
  }

  let grabbed: { x: number; y: number; view: Window } | undefined
  canvas.addEventListener('pointerdown', (event) => {
    const isZoomed = view.rows < grid.rows || view.columns < grid.columns
    grabbed = isZoomed ? { x: event.clientX, y: event.clientY, view } : undefined
    if (isZoomed) canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener('pointerup', () => {
    grabbed = undefined
  })
  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect()
    if (grabbed !== undefined && event.buttons > 0) {
      const move = (delta: number, size: number, from: number, length: number, whole: number) =>
        Math.min(whole - length, Math.max(0, from - Math.round((delta / size) * length)))
      view = {
        ...view,
        row: move(event.clientY - grabbed.y, box.height, grabbed.view.row, view.rows, grid.rows),
        column: move(event.clientX - grabbed.x, box.width, grabbed.view.column, view.columns, grid.columns),
      }
      drawing.redraw()
      return
    }
    const { row, column } = cellUnder(event)
    point(row, column)
  })
  canvas.addEventListener('dblclick', (event) => {
    const { row, column } = cellUnder(event)
    zoom(4, row, column)
  })
  canvas.addEventListener(
    'wheel',
    (event) => {
      // a pinch arrives as a wheel with Ctrl; a plain wheel scrolls the page
      if (!event.ctrlKey) return
      event.preventDefault()
      const { row, column } = cellUnder(event)
      zoom(event.deltaY < 0 ? 1.5 : 1 / 1.5, row, column)
    },
    { passive: false },
  )
  canvas.addEventListener('keydown', (event) => {
    const block = blockAt(cursor?.row ?? view.row, cursor?.column ?? view.column)
    const isFirst = cursor === undefined
    const moves: Record<string, [number, number]> = {
      ArrowUp: [block.row - 1, block.column],
      ArrowDown: [block.row + block.rows, block.column],
      ArrowLeft: [block.row, block.column - 1],
      ArrowRight: [block.row, block.column + block.columns],
      Home: [block.row, view.column],
      End: [block.row, view.column + view.columns - 1],
    }
    const move = moves[event.key]
    if (move !== undefined) point(...(isFirst ? ([view.row, view.column] as const) : move))
    else if (event.key === '+' || event.key === '=') zoom(2, cursor?.row, cursor?.column)
    else if (event.key === '-') zoom(0.5, cursor?.row, cursor?.column)
    else if (event.key === '0') showAll()
    else return
    event.preventDefault()
  })

  const button = (label: string, name: string, act: () => void) =>
    element(
      'button',
      { type: 'button', class: 'tool-button', 'aria-label': name, title: name, onclick: act },
      label,
    )
  readout.textContent = describeWhole(entries, grid)
  return element(
    'div',
    { class: 'heat-map-box' },
    canvas,
    element(
      'div',
      { class: 'heat-map-bar' },
      readout,
      element(
        'div',
        { class: 'tool-buttons' },
        button('−', 'Zoom out', () => zoom(0.5)),
        button('+', 'Zoom in', () => zoom(2, cursor?.row, cursor?.column)),
        button('All', 'All of the tensor', showAll),
      ),
    ),
    createLegend(),
    help,
  )
}

/** The first visible cell after scrolling so far that `at` is visible. */
function scrollTo(at: number, from: number, length: number): number {
  if (at < from) return at
  return at >= from + length ? at - length + 1 : from
}

function describe(entries: GradientEntries, { at, error, cells }: BlockEntry): string {
  if (at < 0) return 'not in the sample'
  const index = unravelIndex(entries.offsets[at], entries.shape).join(', ')
  const worst = cells > 1 ? ` (the worst of ${cells} here)` : ''
  const [analytical, numerical] = [entries.analytical[at], entries.numerical[at]].map(formatValue)
  return `${escapeControls(entries.gradient)}[${index}]${worst}: analytical ${analytical}, numerical ${numerical}, relative error ${formatDifference(error)}`
}

function describeWhole(entries: GradientEntries, grid: EntryGrid): string {
  return `${grid.rows} × ${grid.columns} cells, ${entries.offsets.length.toLocaleString('en-US')} checked`
}

function createLegend(): HTMLElement {
  const ramp = element('div', { class: 'legend-ramp' })
  ramp.style.background = describeRamp()
  const { from, to } = RAMP_POWERS
  const ticks = [from, -9, -6, -3, to].map((power) => {
    const tick = element('span', {}, power === from ? `≤ ${formatPower(power)}` : formatPower(power))
    tick.style.left = `${(100 * (power - from)) / (to - from)}%`
    return tick
  })
  return element(
    'div',
    { class: 'legend' },
    element('span', { class: 'legend-name' }, 'relative error'),
    element('div', { class: 'legend-scale' }, ramp, element('div', { class: 'legend-ticks' }, ...ticks)),
  )
}
