import type { CheckReport } from '../check/report.js'
import { GradcheckError } from '../errors.js'

/** Exit statuses of the command; scripts rely on them. */
export const EXIT_STATUS = {
  pass: 0,
  fail: 1,
  badInput: 2,
  inconclusive: 3,
  noDevice: 4,
  /** A bug of gradcheck's own (EX_SOFTWARE of sysexits.h). */
  internal: 70,
  /** Stopped by Ctrl-C, as shells report it: 128 + SIGINT. */
  interrupted: 130,
} as const

/** The exit status that a finished or interrupted check ends with. */
export function statusOfReport(report: Pick<CheckReport, 'verdict' | 'interrupted'>): number {
  return report.interrupted ? EXIT_STATUS.interrupted : EXIT_STATUS[report.verdict]
}

/** The exit status that an exception ends with. */
export function statusOfError(error: unknown): number {
  if (!(error instanceof GradcheckError)) return EXIT_STATUS.internal
  switch (error.code) {
    case 'device-unavailable':
    case 'device-lost':
      return EXIT_STATUS.noDevice
    case 'internal':
      return EXIT_STATUS.internal
    default:
      return EXIT_STATUS.badInput
  }
}
