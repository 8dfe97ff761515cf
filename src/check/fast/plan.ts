import type { Region } from '../../differentiate/cpu/direction-changes.js'
import type { DifferenceSettings } from '../../differentiate/evaluator.js'
import { forwardWork, workPerColumn } from '../../differentiate/work.js'
import type { Model, ParameterTensor } from '../../network/model.js'

/** Random directions for every group of rows. */
export const DIRECTIONS = 4
/** Forward passes' worth of work that all of the groups may take. */
const GROUP_PASSES = 24
/** Multiply-adds that they may take in any case: a fraction of a second. */
const LEAST_GROUP_WORK = 2e8
/** Forward passes' worth of work for a level of the search for what is wrong. */
const LEVEL_PASSES = 12
const LEAST_LEVEL_WORK = 2e8
/** Multiply-adds that the entries looked at one by one may take. */
const ENTRY_WORK = 1e10
const MOST_ENTRIES = 20_000
/** A tensor of so few entries is looked at whole, if that takes no more work. */
const SMALL_TENSOR = 256
const SMALL_WORK = 1e8
/** What an activation's change and an output's part in the loss cost, in multiply-adds. */
const ACTIVATION_WORK = 10
const LOSS_WORK = 10

/** Multiply-adds of one more direction, with all samples and sides, from behind the layer after its own on. */
function workPerDirection(model: Model, l: number, { scheme }: DifferenceSettings): number {
  const { layers } = model
  const outputs = layers[layers.length - 1].outputs
  let work = l === layers.length - 1 ? LOSS_WORK : LOSS_WORK * outputs
  for (let q = l + 1; q < layers.length; q++) {
    work += ACTIVATION_WORK * layers[q].outputs
    if (q > l + 1) work += layers[q].outputs * layers[q].inputs
  }
  return (scheme === 'central' ? 2 : 1) * model.samples * work
}

/**
 * Groups of rows that a tensor's directions are confined to: as many as the work allows. The fewer entries share a
 * direction, the smaller the error of one of them that shows; and behind the next layer alone does a group cost more
 * than its part of the tensor.
 */
export function planGroups(model: Model, parameter: ParameterTensor, settings: DifferenceSettings): Region[] {
  const rows = model.layers[parameter.layer].outputs
  const budget = Math.max(LEAST_GROUP_WORK, GROUP_PASSES * forwardWork(model)) / model.parameters.length
  const each = DIRECTIONS * workPerDirection(model, parameter.layer, settings)
  const count = Math.max(1, Math.min(rows, Math.floor(budget / each)))
  return split(
    Uint32Array.from({ length: rows }, (_, row) => row),
    count,
  ).map((group) => ({ rows: group }))
}

/** How many regions of a tensor may be probed at a time, with `directions` each, in the search for what is wrong. */
export function regionsPerLevel(
  model: Model,
  parameter: ParameterTensor,
  settings: DifferenceSettings,
  directions: number,
): number {
  const work = Math.max(LEAST_LEVEL_WORK, LEVEL_PASSES * forwardWork(model))
  const each = directions * workPerDirection(model, parameter.layer, settings)
  return Math.max(8, Math.min(512, Math.floor(work / each)))
}

/** How many entries of a tensor may be looked at one by one. */
export function entryLimit(model: Model, parameter: ParameterTensor, settings: DifferenceSettings): number {
  const sides = settings.scheme === 'central' ? 2 : 1
  const each = sides * model.samples * workPerColumn(model, parameter.layer)
  return Math.max(16, Math.min(MOST_ENTRIES, Math.floor(ENTRY_WORK / each)))
}

/** Whether a tensor is so small that each of its entries is looked at, and directions would show nothing more. */
export function isSmall(model: Model, parameter: ParameterTensor, settings: DifferenceSettings): boolean {
  const sides = settings.scheme === 'central' ? 2 : 1
  const work = sides * model.samples * workPerColumn(model, parameter.layer) * parameter.size
  return parameter.size <= SMALL_TENSOR && work <= SMALL_WORK
}

/** A list in `count` parts of about the same length, none of them empty. */
export function split(items: Uint32Array, count: number): Uint32Array[] {
  const parts = Math.min(count, items.length)
  return Array.from({ length: parts }, (_, k) =>
    items.subarray(Math.floor((k * items.length) / parts), Math.floor(((k + 1) * items.length) / parts)),
  )
}

/** `count` elements spread evenly over a list, or all of them where it has fewer. */
export function spread(items: Uint32Array, count: number): Uint32Array {
  return Uint32Array.from(split(items, count), (part) => part[Math.floor(part.length / 2)])
}
