import lossShader from '../../../shaders/loss.wesl'
import productShader from '../../../shaders/product.wesl'
import startShader from '../../../shaders/start.wesl'
import type { Pipelines } from '../../gpu/pipelines.js'
import { findActivation } from '../../network/activations.js'
import type { DenseLayer } from '../../network/dense-layer.js'
import type { Model, ParameterTensor } from '../../network/model.js'
import type { BatchBuffers } from './batch-buffers.js'
import type { NetworkBuffers } from './network-buffers.js'

const START_GROUP_SIZE = 64
const LOSS_GROUP_SIZE = 64
/** `CHANGES` of shaders/loss.wesl */
const OF_ONE_OUTPUT = 0
const OF_RANK_ONE = 1
const STORED = 2

/** Invocations across, down, and length of the sums of a tile of the product. */
interface TileShape {
  readonly width: number
  readonly height: number
  readonly depth: number
}
const SQUARE_TILE: TileShape = { width: 16, height: 16, depth: 16 }
/** For layers of few units: up to 16 rows. */
const FLAT_TILE: TileShape = { width: 32, height: 4, depth: 16 }

/** One kernel of a batch: what to bind and how many workgroups a number of columns takes. */
export interface Stage {
  readonly label: string
  readonly pipeline: GPUComputePipeline
  readonly bindGroup: GPUBindGroup
  workgroups(perturbations: number, columns: number): number
}

/** What the stages of one tensor read and write. */
export interface StageInputs {
  readonly device: GPUDevice
  readonly pipelines: Pipelines
  readonly model: Model
  readonly parameter: ParameterTensor
  readonly network: NetworkBuffers
  readonly batch: BatchBuffers
  /** Columns of a perturbation: sides × samples. */
  readonly columnsPerPerturbation: number
}

/**
 * The kernels that carry the changes of one tensor's perturbations to the loss, in order: the perturbed layer,
 * a product for each layer from the second behind it on, and the loss.
 */
export async function createStages(inputs: StageInputs): Promise<Stage[]> {
  const l = inputs.parameter.layer
  const stages = [await createStart(inputs)]
  for (let q = l + 2; q < inputs.model.layers.length; q++) stages.push(await createProduct(inputs, q))
  stages.push(await createLoss(inputs))
  return stages
}

/** The code of the activation that changes of Z pass: none where the loss reads Z. */
function activationCode(layer: DenseLayer): number {
  return layer.endsAtLogits ? findActivation('linear').code : layer.activation.code
}

function bind(
  device: GPUDevice,
  label: string,
  pipeline: GPUComputePipeline,
  buffers: readonly GPUBuffer[],
): GPUBindGroup {
  return device.createBindGroup({
    label,
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  })
}

async function createStart({
  device,
  pipelines,
  model,
  parameter,
  network,
  batch,
}: StageInputs): Promise<Stage> {
  const l = parameter.layer
  const pipeline = await pipelines.get('start', startShader, 'startChanges', {
    ACTIVATION: activationCode(model.layers[l]),
    IS_BIAS: parameter.role === 'biases' ? 1 : 0,
    GROUP_SIZE: START_GROUP_SIZE,
  })
  const { input, basePoint } = network.layers[l]
  return {
    label: `start of ${parameter.name}`,
    pipeline,
    bindGroup: bind(device, 'start', pipeline, [
      batch.uniforms,
      batch.entries,
      input,
      basePoint,
      batch.starts,
      batch.results,
    ]),
    workgroups: (_perturbations, columns) => Math.ceil(columns / START_GROUP_SIZE),
  }
}

async function createProduct(inputs: StageInputs, q: number): Promise<Stage> {
  const { device, pipelines, model, parameter, network, batch } = inputs
  const [layer, before] = [model.layers[q], model.layers[q - 1]]
  const fromStart = q === parameter.layer + 2
  const tile = layer.outputs <= 4 * FLAT_TILE.height ? FLAT_TILE : SQUARE_TILE
  const pipeline = await pipelines.get('product', productShader, 'multiplyChanges', {
    ACTIVATION: activationCode(layer),
    ACTIVATION_BEFORE: activationCode(before),
    FROM_START: fromStart ? 1 : 0,
    TILE_WIDTH: tile.width,
    TILE_HEIGHT: tile.height,
    TILE_DEPTH: tile.depth,
  })
  const uniforms = batch.createUniforms(`product ${q + 1}`, [layer.outputs, layer.inputs, batch.columns])
  const rowTiles = Math.ceil(layer.outputs / (4 * tile.height))
  return {
    label: `layer ${q + 1} behind ${parameter.name}`,
    pipeline,
    bindGroup: bind(device, `product ${q + 1}`, pipeline, [
      batch.uniforms,
      uniforms,
      network.layers[q].weights,
      network.layers[q].basePoint,
      fromStart ? batch.starts : batch.changes[(q - 1) % 2],
      batch.changes[q % 2],
      batch.results,
      batch.entries,
      network.layers[q - 1].weights,
      network.layers[q - 1].basePoint,
    ]),
    workgroups: (_perturbations, columns) => rowTiles * Math.ceil(columns / (4 * tile.width)),
  }
}

async function createLoss(inputs: StageInputs): Promise<Stage> {
  const { device, pipelines, model, parameter, network, batch } = inputs
  const last = model.layers.length - 1
  const behind = last - parameter.layer
  let lanes = 1
  while (lanes < LOSS_GROUP_SIZE && lanes < inputs.columnsPerPerturbation) lanes *= 2
  const pipeline = await pipelines.get('loss', lossShader, 'sumLoss', {
    LOSS: model.loss.code,
    ACTIVATION: activationCode(model.layers[last]),
    CHANGES: behind === 0 ? OF_ONE_OUTPUT : behind === 1 ? OF_RANK_ONE : STORED,
    LANES: lanes,
    GROUP_SIZE: LOSS_GROUP_SIZE,
  })
  const uniforms = batch.createUniforms('loss', [model.layers[last].outputs, batch.columns])
  return {
    label: `loss behind ${parameter.name}`,
    pipeline,
    bindGroup: bind(device, 'loss', pipeline, [
      batch.uniforms,
      uniforms,
      behind < 2 ? batch.starts : batch.changes[last % 2],
      batch.entries,
      network.layers[last].weights,
      network.outputs,
      network.targets,
      batch.results,
    ]),
    workgroups: (perturbations) => Math.ceil(perturbations / (LOSS_GROUP_SIZE / lanes)),
  }
}
