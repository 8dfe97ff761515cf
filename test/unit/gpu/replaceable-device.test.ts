import { describe, expect, it } from 'vitest'
import { openDevice } from '../../../src/differentiate/node/open-device.js'
import { checkFunction } from '../../../src/function/check-function.js'
import type { GpuDevice } from '../../../src/gpu/device.js'
import { ReplaceableDevice } from '../../../src/gpu/replaceable-device.js'

/** Devices without a GPU behind them, and which of them were given back. */
class Openings {
  readonly opened: string[] = []
  readonly disposed: string[] = []

  readonly open = async (): Promise<GpuDevice> => {
    const name = `device ${this.opened.length + 1}`
    this.opened.push(name)
    await undefined
    const device = {} as GPUDevice
    const dispose = () => void this.disposed.push(name)
    return { device, name, kind: 'software', lost: { reason: undefined }, dispose }
  }
}

describe('a device that is replaced', () => {
  it('by several checks at once is replaced once, and given back', async () => {
    const openings = new Openings()
    const device = await ReplaceableDevice.open(openings.open)
    const lost = device.session
    await Promise.all([device.replace(lost), device.replace(lost), device.replace(lost)])
    // one that notices the loss later
    await device.replace(lost)
    expect(openings).toMatchObject({ opened: ['device 1', 'device 2'], disposed: ['device 1'] })
    expect(device.session.gpu.name).toBe('device 2')
    expect(device.shrink).toBe(2)
    device.dispose()
    expect(openings.disposed).toEqual(['device 1', 'device 2'])
  })

  it('can be replaced again, and after a device that could not be opened', async () => {
    const openings = new Openings()
    let fails = false
    const device = await ReplaceableDevice.open(async () => {
      if (fails) throw new Error('no device')
      return await openings.open()
    })
    await device.replace(device.session)
    fails = true
    await expect(device.replace(device.session)).rejects.toThrow('no device')
    fails = false
    await device.replace(device.session)
    expect(device.session.gpu.name).toBe('device 3')
    device.dispose()
    expect(new Set(openings.disposed)).toEqual(new Set(openings.opened))
  })

  it('is refused once it is closed, and opens no other', async () => {
    const openings = new Openings()
    const device = await ReplaceableDevice.open(openings.open)
    const session = device.session
    device.dispose()
    const refusal = {
      code: 'bad-usage',
      message: 'the evaluator on device 1 is closed',
      fix: expect.any(String),
    }
    await expect(device.replace(session)).rejects.toMatchObject(refusal)
    expect(() => device.session).toThrow(expect.objectContaining(refusal))
    expect(openings.opened).toEqual(['device 1'])
  })

  it('is given back even if it is closed while another is being opened', async () => {
    const openings = new Openings()
    const device = await ReplaceableDevice.open(openings.open)
    const replaced = device.replace(device.session)
    device.dispose()
    await expect(replaced).rejects.toMatchObject({ code: 'bad-usage', message: /is closed/ })
    expect(openings.opened).toHaveLength(2)
    expect(new Set(openings.disposed)).toEqual(new Set(openings.opened))
  })
})

it("the processor's evaluator is refused once it is closed as well", async () => {
  const { evaluator, close } = await openDevice('cpu')
  const closed = { code: 'bad-usage', message: `the evaluator on ${evaluator.adapter} is closed` }
  await close()
  await expect(evaluator.evaluate({} as never, [], { step: 1e-5, scheme: 'central' })).rejects.toMatchObject(
    closed,
  )
  await expect(checkFunction({ formula: 'x', at: { x: 1 } }, { evaluator })).rejects.toMatchObject(closed)
})
