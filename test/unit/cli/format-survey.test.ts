import { describe, expect, it } from 'vitest'
import { formatSurvey } from '../../../src/cli/doctor-command.js'
import type { ArithmeticDescription, DeviceSurvey } from '../../../src/differentiate/node/open-device.js'

const survey: DeviceSurvey = {
  adapters: [
    {
      kind: 'software',
      vendor: 'google',
      architecture: 'swiftshader',
      device: '0xc0de',
      description: 'SwiftShader Device (LLVM 10.0.0)',
      limits: {
        maxStorageBufferBindingSize: 2 ** 27,
        maxBufferSize: 2 ** 32,
        maxStorageBuffersPerShaderStage: 12,
        maxComputeInvocationsPerWorkgroup: 256,
        maxComputeWorkgroupStorageSize: 16384,
        maxComputeWorkgroupsPerDimension: 65535,
        maxBindGroups: 4,
      },
      features: ['timestamp-query', 'subgroups'],
      arithmetic: {
        single: { ulps: 1.234, asExpected: true, subnormals: 'flushed' },
        extended: { exact: true, lost: [] },
      },
    },
  ],
  missing: [
    { kind: 'hardware', reason: 'the Vulkan loader is not installed', fix: 'apt-get install libvulkan1' },
  ],
  processor: { name: 'Some Processor', cores: 2 },
  auto: { kind: 'cpu', name: 'Some Processor', reason: 'no hardware adapter was found' },
}

describe('formatSurvey', () => {
  const text = formatSurvey(survey)

  it('shows each adapter with the limits that matter and its features', () => {
    expect(text).toContain('software adapter: SwiftShader Device (LLVM 10.0.0)')
    expect(text).toMatch(/maxStorageBufferBindingSize +128 MiB/)
    expect(text).toMatch(/maxBufferSize +4 GiB/)
    expect(text).toMatch(/maxComputeWorkgroupStorageSize +16 KiB/)
    expect(text).toMatch(/maxComputeWorkgroupsPerDimension +65,535/)
    expect(text).not.toContain('maxBindGroups')
    expect(text).toContain('features: subgroups, timestamp-query')
  })

  it('says how exactly an adapter computes', () => {
    expect(text).toContain('single precision: as expected, elementary functions within 1.2 ulp')
    expect(text.replaceAll(/\n +/g, ' ')).toContain('numbers below 2^-126 are flushed')
    expect(text).toContain('extended precision: kept exact')
    const textWith = (arithmetic: ArithmeticDescription) =>
      formatSurvey({ ...survey, adapters: [{ ...survey.adapters[0], arithmetic }] }).replaceAll(/\n +/g, ' ')
    const poor = textWith({
      single: { ulps: 9, asExpected: false, subnormals: 'kept' },
      extended: { exact: false, lost: ['sums', 'the residuals of products'] },
    })
    expect(poor).toContain('single precision: NOT as expected, elementary functions within 9.0 ulp, not 4')
    expect(poor).toContain(
      'extended precision: not available, the shader compiler loses sums, the residuals of products',
    )
    expect(textWith({ untested: 'the adapter gave no device' })).toContain(
      'arithmetic: could not be tested: the adapter gave no device',
    )
  })

  it('says what is missing and how to get it', () => {
    expect(text).toMatch(
      /hardware adapter: none\n {2}the Vulkan loader is not installed\n {2}fix: apt-get install/,
    )
  })

  it('says what auto uses and why', () => {
    expect(text).toContain('Some Processor, 2 cores')
    expect(text.replaceAll(/\n +/g, ' ')).toContain(
      '--device auto uses cpu (Some Processor), because no hardware adapter was found',
    )
  })

  it('cannot be made to send escapes by a driver', () => {
    const adapters = [{ ...survey.adapters[0], description: '\x1b[2J', features: ['\x1b[31m'] }]
    expect(formatSurvey({ ...survey, adapters })).not.toContain('\x1b')
  })
})
