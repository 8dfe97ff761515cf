import { GradcheckError } from '../errors.js'
import { withErrorScopes } from './error-scopes.js'
import { writeConstants } from './write-constants.js'

/** Compute pipelines of one device, made once for each shader and set of constants. */
export class Pipelines {
  readonly #device: GPUDevice
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>()

  constructor(device: GPUDevice) {
    this.#device = device
  }

  /**
   * @param label names the pipeline in errors
   * @param constants values of the shader's `override` declarations
   * @throws GradcheckError `internal` with the compiler's messages, their lines and the text there
   */
  get(
    label: string,
    code: string,
    entryPoint: string,
    constants: Record<string, number>,
  ): Promise<GPUComputePipeline> {
    const key = `${label} ${entryPoint} ${JSON.stringify(constants)}`
    let pipeline = this.#pipelines.get(key)
    if (pipeline === undefined) {
      pipeline = this.#create(label, code, entryPoint, constants)
      this.#pipelines.set(key, pipeline)
      // what failed once may not fail again
      pipeline.catch(() => this.#pipelines.delete(key))
    }
    return pipeline
  }

  async #create(
    label: string,
    code: string,
    entryPoint: string,
    constants: Record<string, number>,
  ): Promise<GPUComputePipeline> {
    const module = await compile(this.#device, label, writeConstants(label, code, constants))
    try {
      return await this.#device.createComputePipelineAsync({
        label,
        layout: 'auto',
        compute: { module, entryPoint },
      })
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new GradcheckError('internal', `the pipeline ${label} could not be made: ${message}`, { cause })
    }
  }
}

async function compile(device: GPUDevice, label: string, code: string): Promise<GPUShaderModule> {
  const { value: module, checked } = withErrorScopes(device, `shader ${label}`, () =>
    device.createShaderModule({ label, code }),
  )
  // may reject while the compiler's messages, which say more, are waited for
  checked.catch(() => undefined)
  const info = await readMessages(module, label)
  const errors = info.messages.filter((message) => message.type === 'error')
  if (errors.length > 0) {
    const lines = code.split('\n')
    const list = errors.map(
      (error) =>
        `${label}:${error.lineNum}:${error.linePos}: ${error.message}\n    ${lines[error.lineNum - 1]}`,
    )
    throw new GradcheckError('internal', `the shader ${label} does not compile:\n${list.join('\n')}`)
  }
  await checked
  return module
}

async function readMessages(module: GPUShaderModule, label: string): Promise<GPUCompilationInfo> {
  try {
    return await module.getCompilationInfo()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GradcheckError('internal', `the shader ${label} was not compiled: ${reason}`, { cause })
  }
}
