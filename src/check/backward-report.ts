/**
 * What a line of a backward pass is. Wrong: changed, it makes gradients right, and nothing speaks for another line. Suspect:
 * the best explanation there is. Follows: wrong only because of what it reads.
 */
export type LineMark = 'wrong' | 'suspect' | 'follows' | 'right' | 'not judged' | 'not reached'

/** Where a line is. */
export interface LinePlace {
  readonly file: string
  /** Counted from 1; of a notebook in its cell. */
  readonly line: number
}

/** A line of a backward pass, judged. */
export interface LineReport extends LinePlace {
  /** The function that it stands in. */
  readonly function: string
  /** As it is written; of several lines where the statement has them. */
  readonly text: string
  readonly mark: LineMark
  /** Why, in words. */
  readonly reason?: string
  /** The line with a change that makes the gradients right. */
  readonly proposal?: string
  /** Other lines that explain as much. */
  readonly alternatives?: readonly LinePlace[]
  /** Gradients that are wrong because of it. */
  readonly gradients?: readonly string[]
}

/** The user's own backward pass, where it was read. */
export interface BackwardReport {
  readonly file: string
  /** The function. */
  readonly entry: string
  /** What each argument got. */
  readonly bound: readonly { readonly argument: string; readonly value: string }[]
  /** Every statement of the functions that were executed, in the order they are written in, the entry's first. */
  readonly lines: readonly LineReport[]
  readonly notices: readonly string[]
}

/** What the numbers say of the gradients that a backward pass makes, by the names of their parameters. */
export interface NumericalVerdicts {
  readonly wrong: ReadonlySet<string>
  /** Neither right nor wrong, as far as can be told. */
  readonly open: ReadonlySet<string>
}

/** A backward pass that was followed, and whose lines can be judged. */
export interface FollowedBackward extends Pick<BackwardReport, 'file' | 'entry' | 'bound'> {
  /** Judges its lines by the gradients that the numerical check found wrong. */
  judge(verdicts: NumericalVerdicts): BackwardReport
}
