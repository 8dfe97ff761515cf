import type { Operation } from '../operations/operation.js'
import type { Shape } from './shapes.js'

/** Where the user wrote what makes a value. */
export interface Source {
  /** A file, or what stands for it. */
  readonly file?: string
  /** Counted from 1. */
  readonly line?: number
  /** Counted from 1. */
  readonly column?: number
  /** The user's own name for the value. */
  readonly name?: string
  /** The layer it belongs to, counted from 1. */
  readonly layer?: number
  /** How many times what is written there ran, each run at its index along the value's first axis. */
  readonly runs?: number
}

interface ValueBase {
  /** Its place in the program's list: operands stand before what reads them. */
  readonly id: number
  readonly shape: Shape
  readonly source: Source
}

/** An array that is bound by name: a parameter or data. */
export interface InputValue extends ValueBase {
  readonly kind: 'input'
  readonly name: string
}

/** Numbers that stand in the program itself. */
export interface ConstantValue extends ValueBase {
  readonly kind: 'constant'
  readonly data: Float64Array
}

/** What an operation makes of values before it. */
export interface ComputedValue extends ValueBase {
  readonly kind: 'computed'
  readonly operation: Operation
  /** Ids. */
  readonly operands: readonly number[]
}

export type Value = InputValue | ConstantValue | ComputedValue

/**
 * Operations on tensors in the order of their evaluation, each value made once, with one number at the end; of formulas
 * an array with a number for each point.
 */
export interface Program {
  readonly values: readonly Value[]
  /** The id of the loss, a value of one element. */
  readonly output: number
}

/** The inputs in their order. */
export function inputsOf({ values }: Program): InputValue[] {
  return values.filter((value) => value.kind === 'input')
}

/** For each value, the computed ones that read it, ascending; one that reads it twice stands there once. */
export function usersOf({ values }: Program): readonly (readonly number[])[] {
  const users: number[][] = values.map(() => [])
  for (const value of values) {
    if (value.kind !== 'computed') continue
    for (const operand of new Set(value.operands)) users[operand].push(value.id)
  }
  return users
}

/** The cone of some values: for each value whether a change of one of them can reach it. They themselves are in it. */
export function coneOf({ values }: Program, from: Iterable<number>): Uint8Array {
  const reached = new Uint8Array(values.length)
  for (const id of from) reached[id] = 1
  for (const value of values) {
    if (value.kind === 'computed' && value.operands.some((operand) => reached[operand])) reached[value.id] = 1
  }
  return reached
}

/** What the output needs: for each value whether it is read on the way to it. */
export function ancestorsOf({ values, output }: Program): Uint8Array {
  const needed = new Uint8Array(values.length)
  needed[output] = 1
  for (let id = output; id >= 0; id--) {
    const value = values[id]
    if (needed[id] === 0 || value.kind !== 'computed') continue
    for (const operand of value.operands) needed[operand] = 1
  }
  return needed
}
