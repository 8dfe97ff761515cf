import { GradcheckError } from '../../errors.js'
import { type Output, softmaxBase } from '../../network/losses.js'
import { byUnit, type Matrix, mapMatrix, transpose } from '../../network/matrix.js'
import { type Model, outputOf } from '../../network/model.js'
import type { StepScales } from '../../network/step-scales.js'
import { encodeReals, type RealFormat } from './reals.js'

/** What the kernels read of one layer. */
interface LayerBuffers {
  /** W by input and then by unit: inputs × outputs. */
  readonly weights: GPUBuffer
  /** z and its tail for every unit and sample: outputs × samples pairs. */
  readonly basePoint: GPUBuffer
  /** The layer's input over the inputs' scales: inputs × samples. */
  readonly input: GPUBuffer
  /** One over each unit's scale. */
  readonly unitMoves: GPUBuffer
}

/**
 * A model on the device: parameters, and the constants of the base point, computed on the host in float64 and
 * rounded once to the kernels' precision.
 */
export interface NetworkBuffers {
  readonly format: RealFormat
  readonly layers: readonly LayerBuffers[]
  /** Each layer's input as it is on the host, samples × inputs. */
  readonly inputs: readonly Matrix[]
  /** What the loss reads of every output and sample: z and its tail; for softmax ln p and p. */
  readonly outputs: GPUBuffer
  /**
   * By output and sample: y, or a − y; for softmax y and 1 − p, or where every y is one-hot by sample the class and
   * 1 − p of it. Pairs.
   */
  readonly targets: GPUBuffer
  /** Whether the targets of softmax are probabilities. */
  readonly hasSoftTargets: boolean
  /** By sample; a single 1 where there are none. */
  readonly sampleWeights: GPUBuffer
  dispose(): void
}

/** @throws GradcheckError `bad-usage` when an array is larger than a buffer of this device may be */
export function uploadNetwork(
  device: GPUDevice,
  model: Model,
  format: RealFormat,
  scales?: StepScales,
): NetworkBuffers {
  const created: GPUBuffer[] = []
  const upload = (label: string, values: Float64Array) => {
    const data = encodeReals(values, format)
    const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize)
    if (data.byteLength > limit) {
      throw new GradcheckError(
        'bad-usage',
        `${label} needs ${data.byteLength} bytes on the GPU, but this adapter allows ${limit} a buffer`,
        { fix: 'check with fewer samples, or on the processor (device cpu)' },
      )
    }
    const buffer = device.createBuffer({
      label,
      size: Math.max(16, data.byteLength),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    })
    created.push(buffer)
    device.queue.writeBuffer(buffer, 0, data)
    return buffer
  }
  const dispose = () => {
    for (const buffer of created) buffer.destroy()
  }
  try {
    const pass = model.forward()
    const inputs = pass.A.slice(0, -1).map((A, l) =>
      upload(`input of layer ${l + 1}`, byUnit(divideColumns(A, scales?.inputs[l]))),
    )
    const unitMoves = model.layers.map(({ outputs }, l) =>
      upload(
        `moves of layer ${l + 1}`,
        scales?.units[l].map((scale) => 1 / scale) ?? new Float64Array(outputs).fill(1),
      ),
    )
    const layers = model.layers.map((layer, l) => ({
      weights: upload(`weights of layer ${l + 1}`, transpose(layer.weights, layer.outputs, layer.inputs)),
      basePoint: upload(
        `base point of layer ${l + 1}`,
        pairs(byUnit(pass.Z[l]), byUnit(mapMatrix(pass.Z[l], layer.activation.tail))),
      ),
      input: inputs[l],
      unitMoves: unitMoves[l],
    }))
    const { outputs, targets, hasSoftTargets } = describeLoss(model, outputOf(pass))
    return {
      format,
      layers,
      inputs: pass.A,
      outputs: outputs === undefined ? layers[layers.length - 1].basePoint : upload('outputs', outputs),
      targets: upload('targets', targets),
      hasSoftTargets,
      sampleWeights: upload('sample weights', model.weighting.weights ?? Float64Array.of(1)),
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

function divideColumns(matrix: Matrix, scales: Float64Array | undefined): Matrix {
  if (scales === undefined) return matrix
  return mapMatrix(matrix, (value, k) => value / scales[k % matrix.columns])
}

function pairs(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const result = new Float64Array(2 * first.length)
  for (let k = 0; k < first.length; k++) {
    result[2 * k] = first[k]
    result[2 * k + 1] = second[k]
  }
  return result
}

/** What the loss kernel reads of the outputs, where that is not their z and tail, and of the targets. */
function describeLoss(
  { loss, targets }: Model,
  { Z, A }: Output,
): { outputs?: Float64Array; targets: Float64Array; hasSoftTargets: boolean } {
  if (!loss.readsClasses) {
    const target = loss.readsLogits ? targets : subtract(A, targets)
    return { targets: pairs(byUnit(target), new Float64Array(target.data.length)), hasSoftTargets: false }
  }
  const { logProbabilities, probabilities, others, classes } = softmaxBase(Z, targets)
  const outputs = pairs(byUnit(logProbabilities), byUnit(probabilities))
  const hasSoftTargets = classes.includes(-1)
  if (hasSoftTargets) return { outputs, targets: pairs(byUnit(targets), byUnit(others)), hasSoftTargets }
  const rest = Array.from(classes, (label, s) => others.data[s * Z.columns + label])
  return { outputs, targets: pairs(classes, rest), hasSoftTargets }
}

function subtract(a: Matrix, b: Matrix): Matrix {
  return mapMatrix(a, (value, k) => value - b.data[k])
}
