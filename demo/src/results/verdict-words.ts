import type { CheckReport, TensorReport, Verdict } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { listNames } from '../../../src/list-names.js'
import {
  formatCount,
  formatDifference,
  formatQuantity,
  formatSetting,
} from '../../../src/report/format-numbers.js'
import { elementCount } from '../../../src/tensor.js'

/** The verdict as people say it. */
export interface VerdictWords {
  readonly headline: string
  readonly explanation: string
  /** Why nothing can be told; empty where it can. */
  readonly reasons: readonly string[]
}

/** Puts a report's verdict into words. */
export function describeVerdict(report: CheckReport): VerdictWords {
  const { checked, total } = report.parameters
  const scope =
    checked === total
      ? `All ${formatQuantity(total, 'parameter')}`
      : `${formatCount(checked)} of ${formatQuantity(total, 'parameter')}`
  const difference = formatDifference(report.difference)
  const tolerance = formatSetting(report.tolerance)
  switch (report.verdict) {
    case 'pass':
      return {
        headline: checked === total ? 'The gradient is right' : 'The gradient is right where it was checked',
        explanation: `${scope} agree with the numerical gradient: the difference is ${difference}, and a right gradient stays below ${tolerance}.`,
        reasons: [],
      }
    case 'fail':
      return { headline: 'The gradient is wrong', explanation: describeWrong(report), reasons: [] }
    case 'inconclusive':
      return {
        headline: report.interrupted ? 'Stopped before the end' : 'Cannot tell',
        explanation: report.interrupted
          ? describeStopped(report, scope)
          : `${scope} were compared: the difference is ${difference}, the tolerance ${tolerance}.`,
        reasons: report.reasons,
      }
  }
}

function describeWrong(report: CheckReport): string {
  const failing = report.tensors.filter(({ verdict }) => verdict === 'fail')
  const wrong = failing.reduce((sum, tensor) => sum + tensor.wrongEntries, 0)
  const where =
    failing.length === 0 ? 'It' : listNames(failing.map(({ gradient }) => escapeControls(gradient)))
  const [verb, own] = failing.length < 2 ? ['disagrees', 'its'] : ['disagree', 'their']
  const entries = wrong === 0 ? '' : ` in ${formatQuantity(wrong, 'entry').replace('entrys', 'entries')}`
  const difference = formatDifference(report.difference)
  const tolerance = formatSetting(report.tolerance)
  const figure =
    report.difference > report.tolerance
      ? `The difference is ${difference}; a right gradient stays below ${tolerance}.`
      : `Over all entries together the difference is only ${difference}, but each is judged by itself.`
  return `${where} ${verb} with ${own} numerical value${entries}. ${figure}`
}

function describeStopped(report: CheckReport, scope: string): string {
  if (report.parameters.checked === 0) return 'Nothing has been compared yet.'
  const isOpen = report.tensors.some(({ verdict, checked }) => verdict === 'inconclusive' && checked > 0)
  const found = isOpen ? 'no entry is surely wrong so far' : 'no wrong entry was found so far'
  return `${scope} were compared, and ${found} (difference ${formatDifference(report.difference)}).`
}

/** What is to be said of one tensor, and the colour it is said in. */
export interface TensorWords {
  readonly label: string
  readonly kind: Verdict | 'none'
}

/** Puts a tensor's verdict into words; of a check that was stopped, only what was looked at has one. */
export function describeTensor(tensor: TensorReport, { interrupted }: CheckReport): TensorWords {
  const { checked, verdict } = tensor
  if (verdict === 'fail') return { label: 'wrong', kind: 'fail' }
  if (checked === 0) return { label: 'not checked', kind: 'none' }
  if (verdict === 'inconclusive') return { label: 'cannot tell', kind: 'inconclusive' }
  if (interrupted && checked < elementCount(tensor.shape)) return { label: 'right so far', kind: 'none' }
  return { label: 'right', kind: 'pass' }
}

/** How many entries of a tensor were looked at: `12 of 300`, or all of them. */
export function describeChecked({ checked, shape }: TensorReport): string {
  const size = elementCount(shape)
  return checked === size ? formatCount(size) : `${formatCount(checked)} of ${formatCount(size)}`
}
