import { groupRuns } from './passes/group-runs.js'
import { listSteps } from './passes/steps.js'
import { collapseSumChains } from './passes/sum-chains.js'
import { writeProgram } from './passes/write-program.js'
import type { Program } from './program.js'

/**
 * The same function in fewer operations, so that a loop over elements is evaluated as what it could have been written as:
 *
 * 1. What the output does not need is left out.
 * 2. What only moves elements (views, copies, stores into arrays) is composed: whatever reads an element reads it where it
 *    was made.
 * 3. What a loop adds up is one sum.
 * 4. Runs of a line that do not wait for one another are one operation on stacked operands, each run at its index along the
 *    first axis.
 *
 * Values are those of the program given, up to the order in which sums are taken. Every operation keeps the line it is
 * written on; inputs keep their order.
 */
export function compactProgram(program: Program): Program {
  const steps = collapseSumChains(listSteps(program))
  return writeProgram(steps, groupRuns(steps))
}

/** The same of a program that has loops; another one stays as it is written. */
export function compactLoops(program: Program): Program {
  const compact = compactProgram(program)
  return compact.values.some(({ source }) => source.runs !== undefined) ? compact : program
}
