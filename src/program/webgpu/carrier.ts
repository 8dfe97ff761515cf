import type { GpuPrecision } from '../../differentiate/evaluator.js'
import {
  decodeReals,
  encodeReals,
  formatOf,
  UNWRITTEN,
  ZERO_BINDING,
} from '../../differentiate/webgpu/reals.js'
import { GradcheckError } from '../../errors.js'
import { withErrorScopes } from '../../gpu/error-scopes.js'
import type { DeviceSession, ReplaceableDevice } from '../../gpu/replaceable-device.js'
import { endUnlessHung, surviveLosses } from '../../gpu/survive-losses.js'
import { copyBack, UnverifiedResults } from '../../gpu/unverified-results.js'
import type { Block, Form } from '../../operations/change.js'
import type { ChangeCarrier, OutputChanges } from '../carry-changes.js'
import type { BoundProgram } from '../evaluate.js'
import { type CarryPlan, CarryPlanner, SEED } from '../plan-carry.js'
import {
  type EncodedLaunch,
  encodeLaunch,
  type Input,
  LAUNCH_BYTES,
  shaderOf,
  Tables,
  writeLaunch,
} from './encode-launch.js'

/** What may not fit into a device's memory. */
const PERTURBATION = {
  what: 'one perturbation of the program',
  fix: 'check on the processor (device cpu)',
} as const
/** Numbers that are held at once: what a software adapter works off in some tenths of a second. */
const MOST_NUMBERS = 2 ** 21
/** WebGPU's limit on workgroups in one dimension; larger grids are folded into a second one. */
const MOST_WORKGROUPS = 65535
/** WebGPU's default distance between uniform buffers that lie in one. */
const UNIFORM_ALIGNMENT = 256

/** Where a program's changes are carried, and what they may take. */
export interface ProgramDevice {
  readonly device: ReplaceableDevice
  readonly precision: GpuPrecision
  readonly memoryBytes: number
}

/** A plan as it is run on a device. */
interface EncodedPlan {
  readonly seed: Form
  readonly count: number
  readonly plan: CarryPlan
  readonly launches: readonly EncodedLaunch[]
  readonly tables: Uint32Array<ArrayBuffer>
}

/** Buffers of one device: the base point's numbers, and what changes are written to. */
class DeviceBuffers {
  readonly #device: GPUDevice
  readonly #numbers = new Map<Float64Array, GPUBuffer>()
  readonly #free: GPUBuffer[] = []
  readonly #all: GPUBuffer[] = []

  constructor(device: GPUDevice) {
    this.#device = device
  }

  create(label: string, bytes: number, usage: number): GPUBuffer {
    const buffer = this.#device.createBuffer({ label, size: Math.max(16, 4 * Math.ceil(bytes / 4)), usage })
    this.#all.push(buffer)
    return buffer
  }

  /** The base point's numbers, uploaded once. */
  upload(numbers: Float64Array, encode: (numbers: Float64Array) => Float32Array<ArrayBuffer>): GPUBuffer {
    const known = this.#numbers.get(numbers)
    if (known !== undefined) return known
    const data = encode(numbers)
    const { STORAGE, COPY_DST } = GPUBufferUsage
    const buffer = this.create('base point', data.byteLength, STORAGE | COPY_DST)
    this.#device.queue.writeBuffer(buffer, 0, data)
    this.#numbers.set(numbers, buffer)
    return buffer
  }

  /** Room for a change: what is free and not much larger, or more. */
  take(bytes: number): GPUBuffer {
    const fitting = this.#free.filter(({ size }) => size >= bytes && size <= 4 * bytes + UNIFORM_ALIGNMENT)
    const [best] = fitting.toSorted((a, b) => a.size - b.size)
    if (best === undefined) {
      const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage
      return this.create('changes', bytes, STORAGE | COPY_SRC | COPY_DST)
    }
    this.#free.splice(this.#free.indexOf(best), 1)
    return best
  }

  giveBack(buffer: GPUBuffer): void {
    this.#free.push(buffer)
  }

  destroy(buffer: GPUBuffer): void {
    this.#all.splice(this.#all.indexOf(buffer), 1)
    buffer.destroy()
  }

  dispose(): void {
    for (const buffer of this.#all) buffer.destroy()
  }
}

/** Carries perturbations of a program's values to its output in WGSL, a kernel at a time for all perturbations at once. */
export function createGpuCarrier(
  bound: BoundProgram,
  { device, precision, memoryBytes }: ProgramDevice,
): ChangeCarrier {
  const planner = new CarryPlanner(bound)
  const format = formatOf(precision)
  const encode = (numbers: Float64Array) => encodeReals(numbers, format)
  let buffers: { session: DeviceSession; held: DeviceBuffers } | undefined
  let encoded: EncodedPlan | undefined

  function buffersOf(session: DeviceSession): DeviceBuffers {
    if (buffers?.session !== session) {
      buffers?.held.dispose()
      buffers = { session, held: new DeviceBuffers(session.gpu.device) }
    }
    return buffers.held
  }

  function encodePlan(from: number, seed: Form, block: Block): EncodedPlan {
    if (encoded?.seed === seed && encoded.count === block.count) return encoded
    const plan = planner.plan(from, seed, block)
    const tables = new Tables()
    const launches = plan.launches.map((launch) => encodeLaunch(launch, tables))
    encoded = { seed, count: block.count, plan, launches, tables: tables.join() }
    return encoded
  }

  async function carry(
    from: number,
    seed: Form,
    block: Block,
    step: number,
    signal?: AbortSignal,
  ): Promise<OutputChanges | undefined> {
    const { shrink } = device
    const work = encodePlan(from, seed, block)
    const results = block.count * block.lanes
    const { output } = work.plan
    if (output === undefined || output === SEED) {
      return {
        changes: new Float64Array(results).fill(output === SEED ? 1 : 0),
        crossings: new Uint32Array(results),
      }
    }
    return await surviveLosses(device, PERTURBATION, (session) => {
      // memory has run out since the block was chosen
      if (block.count > 1 && device.shrink > shrink) return carryHalves(from, seed, block, step, signal)
      return endUnlessHung(session, () => run(session, work, block, step), signal)
    })
  }

  /** The same, half of the perturbations at a time. */
  async function carryHalves(
    from: number,
    seed: Form,
    block: Block,
    step: number,
    signal: AbortSignal | undefined,
  ): Promise<OutputChanges | undefined> {
    const half = Math.ceil(block.count / 2)
    const changes = new Float64Array(block.count * block.lanes)
    const crossings = new Uint32Array(block.count * block.lanes)
    for (const [start, end] of [
      [0, half],
      [half, block.count],
    ]) {
      const part = { ...seed, box: seed.box.map((indices) => indices?.subarray(start, end)) }
      const carried = await carry(from, part, { ...block, count: end - start }, step, signal)
      if (carried === undefined) return undefined
      changes.set(carried.changes, start * block.lanes)
      crossings.set(carried.crossings, start * block.lanes)
    }
    return { changes, crossings }
  }

  async function run(
    session: DeviceSession,
    { plan, launches, tables }: EncodedPlan,
    block: Block,
    step: number,
  ): Promise<OutputChanges> {
    const { device: gpu } = session.gpu
    const pipelines = await Promise.all(
      launches.map(({ shader, entryPoint, constants }) =>
        session.pipelines.get(`program ${shader}`, shaderOf(shader, precision), entryPoint, constants),
      ),
    )
    const held = buffersOf(session)
    const results = block.count * block.lanes
    const { UNIFORM, STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage
    const own: GPUBuffer[] = []
    const create = (label: string, bytes: number, usage: number) => {
      const buffer = held.create(label, bytes, usage)
      own.push(buffer)
      return buffer
    }
    const places = new Map<number, GPUBuffer>()
    try {
      const { value: readBack, checked } = withErrorScopes(gpu, `a block of ${results} perturbations`, () => {
        const uniforms = new DataView(new ArrayBuffer(UNIFORM_ALIGNMENT * launches.length))
        for (const [k, launch] of launches.entries())
          writeLaunch(uniforms, UNIFORM_ALIGNMENT * k, launch, step)
        const upload = (
          label: string,
          data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
          usage: number,
        ) => {
          const buffer = create(label, data.byteLength, usage | COPY_DST)
          gpu.queue.writeBuffer(buffer, 0, data)
          return buffer
        }
        const ofLaunches = upload('launches', new Uint32Array(uniforms.buffer), UNIFORM)
        const ofTables = upload('tables', tables, STORAGE)
        const zero = create('zero', 4, UNIFORM)
        const nothing = create('nothing', format.bytes, STORAGE)
        const crossings = upload('crossings', new Uint32Array(results), STORAGE | COPY_SRC)
        places.set(SEED, upload('seed', encode(new Float64Array(results).fill(1)), STORAGE))
        // what was not written is seen
        const ofOutput = upload(
          'output',
          new Uint32Array((results * format.bytes) / 4).fill(UNWRITTEN),
          STORAGE | COPY_SRC,
        )
        places.set(plan.output!, ofOutput)
        const bufferOf = (input: Input): GPUBuffer => {
          if (input === undefined) return nothing
          return 'place' in input ? places.get(input.place)! : held.upload(input.numbers, encode)
        }
        const encoder = gpu.createCommandEncoder({ label: 'program' })
        for (const [k, launch] of launches.entries()) {
          const { result, dropped } = plan.launches[k]
          let written = places.get(result)
          if (written === undefined) {
            written = held.take(launch.count * launch.size * format.bytes)
            places.set(result, written)
          }
          if (launch.clears) encoder.clearBuffer(written)
          const label = `program ${launch.shader}`
          const buffers = [
            { buffer: ofLaunches, offset: UNIFORM_ALIGNMENT * k, size: LAUNCH_BYTES },
            { buffer: ofTables },
            ...launch.inputs.map((input) => ({ buffer: bufferOf(input) })),
            ...(launch.countsCrossings ? [{ buffer: crossings }] : []),
            { buffer: written },
          ]
          const entries: GPUBindGroupEntry[] = buffers.map((resource, binding) => ({ binding, resource }))
          if (precision === 'extended' && launch.shader !== 'move') {
            entries.push({ binding: ZERO_BINDING, resource: { buffer: zero } })
          }
          const pass = encoder.beginComputePass({ label })
          pass.setPipeline(pipelines[k])
          pass.setBindGroup(
            0,
            gpu.createBindGroup({ label, layout: pipelines[k].getBindGroupLayout(0), entries }),
          )
          const rows = Math.ceil(launch.workgroups / MOST_WORKGROUPS)
          pass.dispatchWorkgroups(Math.ceil(launch.workgroups / rows), rows)
          pass.end()
          for (const place of dropped) {
            const buffer = places.get(place)
            if (buffer === undefined || own.includes(buffer)) continue
            held.giveBack(buffer)
            places.delete(place)
          }
        }
        const destination = create('read-back', results * (format.bytes + 4), MAP_READ | COPY_DST)
        encoder.copyBufferToBuffer(ofOutput, 0, destination, 0, results * format.bytes)
        encoder.copyBufferToBuffer(crossings, 0, destination, results * format.bytes, 4 * results)
        gpu.queue.submit([encoder.finish()])
        return destination
      })
      const copied = copyBack(readBack, results * (format.bytes + 4))
      copied.catch(() => undefined)
      // an error scope says more than that nothing can be read
      await checked
      const read = await copied
      const words = new Uint32Array(read, 0, (results * format.bytes) / 4)
      if (words.includes(UNWRITTEN)) throw new UnverifiedResults('a block of perturbations did not end')
      return {
        changes: decodeReals(new Float32Array(read, 0, words.length), format),
        crossings: new Uint32Array(read, results * format.bytes),
      }
    } finally {
      for (const buffer of places.values()) if (!own.includes(buffer)) held.giveBack(buffer)
      for (const buffer of own) held.destroy(buffer)
    }
  }

  return {
    roundStep: Math.fround,
    countAtOnce(from, seedOf) {
      const { seed, block } = seedOf(1)
      const numbers = planner.countNumbers(from, seed, block)
      const bytes = numbers * format.bytes
      if (bytes > memoryBytes) {
        const mebibytes = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`
        throw new GradcheckError(
          'bad-usage',
          `one perturbation of the program takes ${mebibytes(bytes)} on the device, ${mebibytes(memoryBytes)} are allowed`,
          { fix: 'allow more memory, or check on the processor (device cpu)' },
        )
      }
      const most = Math.min(MOST_NUMBERS, memoryBytes / format.bytes) / device.shrink
      return Math.max(1, Math.floor(most / numbers))
    },
    carry,
    dispose() {
      buffers?.held.dispose()
      buffers = undefined
    },
  }
}
