import { availableParallelism } from 'node:os'
import { type AdapterKind, nameOf, openDevice as openAdapterDevice } from '../../gpu/device.js'
import { type DeviceChoice, openChosenDevice, processorName } from '../../gpu/node/choose-device.js'
import { findAdapter, openGpuDevice } from '../../gpu/node/open-adapter.js'
import { closedError } from '../../gpu/replaceable-device.js'
import type { BoundProgram } from '../../program/evaluate.js'
import { createCpuEvaluator } from '../cpu/evaluator.js'
import type { Evaluator } from '../evaluator.js'
import { createWebgpuEvaluator, type WebgpuOptions } from '../webgpu/evaluator.js'
import {
  type ExtendedArithmetic,
  type SingleArithmetic,
  testExtendedArithmetic,
  testSingleArithmetic,
} from '../webgpu/self-test.js'
import { useThreads } from './threads.js'

/**
 * A device that was opened, with the evaluator that runs on it. Whoever opened it closes it, by `close` or
 * `await using`; while an adapter is open the process does not end.
 */
export interface OpenedDevice extends AsyncDisposable {
  readonly kind: 'hardware' | 'software' | 'cpu'
  /** The adapter's or processor's name. */
  readonly name: string
  /** Why it was chosen. */
  readonly reason: string
  readonly evaluator: Evaluator
  close(): Promise<void>
}

/** An adapter as `gradcheck doctor` shows it. */
export interface AdapterDescription {
  readonly kind: AdapterKind
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  readonly limits: Record<string, number>
  readonly features: string[]
  readonly arithmetic: ArithmeticDescription
}

/** How exactly an adapter computes, or why that could not be tested. */
export type ArithmeticDescription =
  | { readonly single: SingleArithmetic; readonly extended: ExtendedArithmetic }
  | { readonly untested: string }

/** What this machine has and what `auto` makes of it. */
export interface DeviceSurvey {
  readonly adapters: AdapterDescription[]
  readonly missing: { kind: AdapterKind; reason: string; fix?: string }[]
  readonly processor: { name: string; cores: number }
  readonly auto: { kind: 'hardware' | 'cpu'; name: string; reason: string }
}

/**
 * Opens a device.
 * @param options what an adapter's evaluator may take and give; the processor's is always float64
 * @throws GradcheckError `device-unavailable` when the one asked for is not there or its compiler does not keep
 * extended precision exact, `unknown-name`
 */
export async function openDevice(choice: DeviceChoice, options: WebgpuOptions = {}): Promise<OpenedDevice> {
  return await openChosenDevice<OpenedDevice>(choice, {
    adapter: (kind, reason) => openAdapter(kind, reason, options),
    processor: openProcessor,
  })
}

function openProcessor(reason: string): OpenedDevice {
  const name = processorName()
  const evaluator = createCpuEvaluator(name, useThreads())
  // it holds nothing, but is refused once it is closed as an adapter's is
  let isClosed = false
  const close = async () => {
    isClosed = true
  }
  const requireOpen = () => {
    if (isClosed) throw closedError(name)
  }
  return {
    kind: 'cpu',
    name,
    reason,
    evaluator: {
      ...evaluator,
      async evaluate(...given) {
        requireOpen()
        await evaluator.evaluate(...given)
      },
      createCarrier(program: BoundProgram) {
        requireOpen()
        return evaluator.createCarrier!(program)
      },
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function openAdapter(kind: AdapterKind, reason: string, options: WebgpuOptions): Promise<OpenedDevice> {
  const evaluator = await createWebgpuEvaluator(() => openGpuDevice(kind), options)
  const close = async () => evaluator.dispose()
  return {
    kind,
    name: evaluator.adapter,
    reason,
    evaluator,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Looks for every kind of device, tests the adapters' arithmetic, and says what `auto` would choose and why. */
export async function surveyDevices(): Promise<DeviceSurvey> {
  const adapters: AdapterDescription[] = []
  const missing: DeviceSurvey['missing'] = []
  for (const kind of ['hardware', 'software'] as const) {
    const found = await findAdapter(kind)
    if (found.adapter === undefined) {
      missing.push({ kind, reason: found.reason, fix: found.fix })
      continue
    }
    const { info, limits, features } = found.adapter
    adapters.push({
      kind,
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      description: nameOf(info),
      limits: readLimits(limits),
      features: [...features].sort(),
      arithmetic: await testArithmetic(found.adapter),
    })
  }
  const hardware = adapters.find((adapter) => adapter.kind === 'hardware')
  return {
    adapters,
    missing,
    processor: { name: processorName(), cores: availableParallelism() },
    auto:
      hardware === undefined
        ? {
            kind: 'cpu',
            name: processorName(),
            reason: `there is no hardware adapter: ${missing.find((entry) => entry.kind === 'hardware')?.reason}`,
          }
        : { kind: 'hardware', name: hardware.description, reason: 'a hardware adapter was found' },
  }
}

/** @param adapter one that has not been used yet */
async function testArithmetic(adapter: GPUAdapter): Promise<ArithmeticDescription> {
  try {
    const gpu = await openAdapterDevice(adapter)
    try {
      return {
        single: await testSingleArithmetic(gpu.device),
        extended: await testExtendedArithmetic(gpu.device),
      }
    } finally {
      gpu.dispose()
    }
  } catch (error) {
    return { untested: error instanceof Error ? error.message : String(error) }
  }
}

/** An adapter's limits as plain numbers: its object has them as getters of its prototype. */
function readLimits(limits: GPUSupportedLimits): Record<string, number> {
  const result: Record<string, number> = {}
  for (
    let at: object | null = limits;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const value = Reflect.get(limits, name)
      if (typeof value === 'number') result[name] = value
    }
  }
  return result
}
