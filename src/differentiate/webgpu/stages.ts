import { withErrorScopes } from '../../gpu/error-scopes.js'
import type { Pipelines } from '../../gpu/pipelines.js'
import { type Activation, findActivation } from '../../network/activations.js'
import type { DenseLayer } from '../../network/dense-layer.js'
import type { Model, ParameterTensor } from '../../network/model.js'
import type { GpuPrecision } from '../evaluator.js'
import { type BatchBuffers, GROUP } from './batch-buffers.js'
import { KERNELS } from './kernels.js'
import type { NetworkBuffers } from './network-buffers.js'
import { ZERO_BINDING } from './reals.js'
import type { TileShape } from './tile-shape.js'

const START_GROUP_SIZE = 64
const LOSS_GROUP_SIZE = 64
/** `CHANGES` of shaders/loss.wesl */
const OF_ONE_OUTPUT = 0
const OF_RANK_ONE = 1
const STORED = 2

const LINEAR = findActivation('linear')

/** Units that an invocation of shaders/product.wesl makes. */
export const UNITS_PER_INVOCATION = 8
/** Layers of at most so many units go through shaders/narrow_product.wesl, whole by invocation. */
export const NARROW_UNITS = 16
const NARROW_GROUP_SIZE = 64
const NARROW_TILE_DEPTH = 32

/** One kernel of a batch: what to bind and how many workgroups a batch takes. */
export interface Stage {
  readonly label: string
  readonly pipeline: GPUComputePipeline
  readonly bindGroup: GPUBindGroup
  workgroups(groups: number, quads: number): number
}

/** What the stages of one tensor read and write. */
export interface StageInputs {
  readonly device: GPUDevice
  readonly pipelines: Pipelines
  readonly precision: GpuPrecision
  readonly model: Model
  readonly parameter: ParameterTensor
  readonly network: NetworkBuffers
  readonly batch: BatchBuffers
  /** Quads of a group of perturbations: sides × samples. */
  readonly quadsPerGroup: number
  readonly tile: TileShape
}

/** A kernel whose pipeline is there and whose buffers are still to be bound. */
interface StagePlan extends Omit<Stage, 'bindGroup'> {
  /** The kernel's own, made as they are asked for. */
  buffers(): readonly GPUBuffer[]
}

/**
 * The kernels that carry the changes of one tensor's perturbations to the loss, in order: the perturbed layer,
 * a product for each layer from the second behind it on, and the loss.
 */
export async function createStages(inputs: StageInputs): Promise<Stage[]> {
  const l = inputs.parameter.layer
  const plans = [await planStart(inputs)]
  for (let q = l + 2; q < inputs.model.layers.length; q++) plans.push(await planProduct(inputs, q))
  plans.push(await planLoss(inputs))
  const what = `the kernels of ${inputs.parameter.name}`
  const { value: stages, checked } = withErrorScopes(inputs.device, what, () =>
    plans.map((plan) => ({ ...plan, bindGroup: bind(inputs, plan) })),
  )
  await checked
  return stages
}

/** The activation that changes of Z pass: none where the loss reads Z. */
const passedActivation = (layer: DenseLayer) => (layer.endsAtLogits ? LINEAR : layer.activation)

/**
 * An activation as shaders/activations.wesl is told of it.
 * @param suffix of the constants' names there
 */
export function activationConstants(
  { code, constant = 0 }: Activation,
  suffix: '' | '_BEFORE' = '',
): Record<string, number> {
  const nearest = Math.fround(constant)
  return {
    [`ACTIVATION${suffix}`]: code,
    [`CONSTANT${suffix}`]: nearest,
    [`CONSTANT${suffix}_REST`]: Math.fround(constant - nearest),
  }
}

/** Binds the buffers that all kernels share, then a kernel's own. */
function bind(
  { device, precision, batch }: StageInputs,
  { label, pipeline, buffers }: StagePlan,
): GPUBindGroup {
  const all = [...batch.common, ...buffers()]
  const entries = all.map((buffer, binding) => ({ binding, resource: { buffer } }))
  if (precision === 'extended') entries.push({ binding: ZERO_BINDING, resource: { buffer: batch.zero } })
  return device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries })
}

async function planStart(inputs: StageInputs): Promise<StagePlan> {
  const { pipelines, precision, model, parameter, network, batch } = inputs
  const l = parameter.layer
  const pipeline = await pipelines.get('start', KERNELS[precision].start, 'startChanges', {
    ...activationConstants(passedActivation(model.layers[l])),
    IS_BIAS: parameter.role === 'biases' ? 1 : 0,
    GROUP_SIZE: START_GROUP_SIZE,
  })
  const { input, basePoint, unitMoves } = network.layers[l]
  return {
    label: `start of ${parameter.name}`,
    pipeline,
    buffers: () => [input, basePoint, batch.starts, unitMoves],
    workgroups: (_groups, quads) => Math.ceil(quads / START_GROUP_SIZE),
  }
}

async function planProduct(inputs: StageInputs, q: number): Promise<StagePlan> {
  const { model, parameter, network, batch } = inputs
  const layer = model.layers[q]
  const fromStart = q === parameter.layer + 2
  const isNarrow = layer.outputs <= NARROW_UNITS
  const constants = {
    ...activationConstants(passedActivation(layer)),
    // only what starts there passes it here: elsewhere it would make pipelines that differ in nothing else
    ...activationConstants(fromStart ? passedActivation(model.layers[q - 1]) : LINEAR, '_BEFORE'),
    FROM_START: fromStart ? 1 : 0,
  }
  const pipeline = await (isNarrow ? narrowPipeline : widePipeline)(inputs, layer, constants)
  const label = `layer ${q + 1} behind ${parameter.name}`
  return {
    label,
    pipeline,
    buffers: () => [
      batch.createUniforms(label, [layer.outputs, layer.inputs, batch.quads]),
      fromStart ? batch.starts : batch.changesOf(q - 1 - parameter.layer),
      network.layers[q - 1].weights,
      network.layers[q - 1].basePoint,
      network.layers[q].weights,
      network.layers[q].basePoint,
      batch.changesOf(q - parameter.layer),
    ],
    workgroups: isNarrow
      ? (_groups, quads) => Math.ceil(quads / NARROW_GROUP_SIZE)
      : (_groups, quads) =>
          Math.ceil(layer.outputs / (UNITS_PER_INVOCATION * inputs.tile.height)) *
          Math.ceil(quads / inputs.tile.width),
  }
}

function widePipeline(
  { pipelines, precision, tile }: StageInputs,
  _layer: DenseLayer,
  constants: Record<string, number>,
): Promise<GPUComputePipeline> {
  return pipelines.get('product', KERNELS[precision].product, 'multiplyChanges', {
    ...constants,
    TILE_WIDTH: tile.width,
    TILE_HEIGHT: tile.height,
    TILE_DEPTH: tile.depth,
  })
}

function narrowPipeline(
  { pipelines, precision }: StageInputs,
  layer: DenseLayer,
  constants: Record<string, number>,
): Promise<GPUComputePipeline> {
  return pipelines.get('narrow product', KERNELS[precision].narrowProduct, 'multiplyNarrow', {
    ...constants,
    ROW_QUADS: Math.ceil(layer.outputs / 4),
    TILE_DEPTH: NARROW_TILE_DEPTH,
    GROUP_SIZE: NARROW_GROUP_SIZE,
  })
}

async function planLoss(inputs: StageInputs): Promise<StagePlan> {
  const { pipelines, precision, model, parameter, network, batch } = inputs
  const last = model.layers.length - 1
  const behind = last - parameter.layer
  let lanes = 1
  const quadsOfResult = inputs.quadsPerGroup / batch.resultsEach
  while (lanes < LOSS_GROUP_SIZE && lanes < quadsOfResult) lanes *= 2
  const pipeline = await pipelines.get('loss', KERNELS[precision].loss, 'sumLoss', {
    LOSS: model.loss.code,
    HAS_SOFT_TARGETS: network.hasSoftTargets ? 1 : 0,
    IS_WEIGHTED: model.weighting.weights === undefined ? 0 : 1,
    ...activationConstants(behind === 1 ? passedActivation(model.layers[last]) : LINEAR),
    CHANGES: behind === 0 ? OF_ONE_OUTPUT : behind === 1 ? OF_RANK_ONE : STORED,
    LANES: lanes,
    GROUP_SIZE: LOSS_GROUP_SIZE,
  })
  return {
    label: `loss behind ${parameter.name}`,
    pipeline,
    buffers: () => [
      batch.createUniforms('loss', [model.layers[last].outputs, batch.quads]),
      behind < 2 ? batch.starts : batch.changesOf(behind),
      network.layers[last].weights,
      network.outputs,
      network.targets,
      network.sampleWeights,
    ],
    workgroups: (groups) => Math.ceil((GROUP * groups * batch.resultsEach * lanes) / LOSS_GROUP_SIZE),
  }
}
