/**
 * Mutates src/check and sees whether the unit tests notice: a copy of the project gets one changed operator or constant
 * at a time, and the tests of checks run on it until one fails. Run by hand; docs/contributing.md says how, and what it
 * found.
 *
 *     node scripts/mutate.mjs [--only TEXT] [--sample 40] [--seed 1] [--minutes 10]
 *
 * --only: files whose path has this text; --sample: so many mutants chosen at random; --minutes: no mutant is begun later.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MUTATED = 'src/check'
/** What is linked or made anew. */
const LEFT_OUT = /^(node_modules|\.git|dist|demo\/dist|\.cache)$/
/** Quick tests of each part, below test/unit/check: a mutant that they let live costs their whole time. */
const TESTS = {
  diagnosis: ['diagnosis/clipping', 'diagnosis/diagnose'],
  fast: ['fast/plan', 'fast/merge-findings', 'fast/detection', 'fast/fast-check'],
  setup: ['setup/unread-arrays', 'setup/point', 'setup/cost', 'setup/other-networks', 'setup/other-points'],
  '': [
    ...['compare', 'judge', 'gradient-entries', 'fast/merge-findings', 'kinks', 'dtypes', 'setup/point'],
    ...['sweep-steps', 'refusals', 'reasons'],
  ],
}

/** The tests of the part that a file of src/check belongs to. */
function testsOf(path) {
  const part = Object.keys(TESTS).find((name) => path.startsWith(join(MUTATED, name)))
  return TESTS[part].map((name) => `test/unit/check/${name}.test.ts`)
}

const SWAPS = new Map([
  ...pairs(ts.SyntaxKind.PlusToken, '+', ts.SyntaxKind.MinusToken, '-'),
  ...pairs(ts.SyntaxKind.AsteriskToken, '*', ts.SyntaxKind.SlashToken, '/'),
  ...pairs(ts.SyntaxKind.LessThanToken, '<', ts.SyntaxKind.LessThanEqualsToken, '<='),
  ...pairs(ts.SyntaxKind.GreaterThanToken, '>', ts.SyntaxKind.GreaterThanEqualsToken, '>='),
  ...pairs(ts.SyntaxKind.EqualsEqualsEqualsToken, '===', ts.SyntaxKind.ExclamationEqualsEqualsToken, '!=='),
  ...pairs(ts.SyntaxKind.AmpersandAmpersandToken, '&&', ts.SyntaxKind.BarBarToken, '||'),
  ...pairs(ts.SyntaxKind.PlusEqualsToken, '+=', ts.SyntaxKind.MinusEqualsToken, '-='),
])

function pairs(first, firstText, second, secondText) {
  return [
    [first, secondText],
    [second, firstText],
  ]
}

/** Every change of one token of a file that compiles as before. */
function listMutants(path) {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const mutants = []
  const add = (node, replacement) => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart())
    mutants.push({ path, text, from: node.getStart(), to: node.getEnd(), replacement, line: line + 1 })
  }
  const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return
    if (ts.isBinaryExpression(node) && !isText(node.left) && !isText(node.right)) {
      const other = SWAPS.get(node.operatorToken.kind)
      if (other !== undefined) add(node.operatorToken, other)
    }
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
      add(node, node.operand.getText())
    }
    if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'Math') {
      const other = { max: 'min', min: 'max' }[node.name.text]
      if (other !== undefined) add(node.name, other)
    }
    if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'false')
    if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'true')
    if (ts.isNumericLiteral(node)) add(node, node.text === '0' ? '1' : `(2 * ${node.getText()})`)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return mutants
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function drawFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function choose(all, count, seed) {
  const draw = drawFrom(seed)
  const shuffled = all.map((mutant) => ({ mutant, key: draw() })).sort((a, b) => a.key - b.key)
  return shuffled.slice(0, count).map(({ mutant }) => mutant)
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    sample: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
  },
})
const files = readdirSync(join(ROOT, MUTATED), { recursive: true })
  .map((name) => join(MUTATED, String(name)))
  .filter((path) => path.endsWith('.ts') && path.includes(values.only))
const all = files.flatMap(listMutants)
const chosen = choose(all, Number(values.sample), Number(values.seed))
const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
const end = Date.now() + 60_000 * Number(values.minutes)
try {
  cpSync(ROOT, copy, { recursive: true, filter: (path) => !LEFT_OUT.test(relative(ROOT, path)) })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  /** Whether the tests of a mutated file pass. */
  const passes = (path) => {
    const options = ['run', '--project', 'node', '--bail', '1', '--maxWorkers', '1', '--reporter', 'dot']
    const { status } = spawnSync(process.execPath, [vitest, ...options, ...testsOf(path)], { cwd: copy })
    return status === 0
  }
  /** The parts whose tests have passed before anything was mutated. */
  const sound = new Set()
  let [killed, done] = [0, 0]
  for (const { path, text, from, to, replacement, line } of chosen) {
    if (Date.now() > end) break
    const target = join(copy, path)
    const tests = testsOf(path).join()
    if (!sound.has(tests)) {
      if (!passes(path)) throw new Error(`not all of ${tests} pass before anything was mutated`)
      sound.add(tests)
    }
    writeFileSync(target, text.slice(0, from) + replacement + text.slice(to))
    const lives = passes(path)
    writeFileSync(target, text)
    done++
    if (lives) console.log(`lives: ${path}:${line}: ${text.slice(from, to)} → ${replacement}`)
    else killed++
  }
  console.log(`${killed} of ${done} mutants were noticed, of ${all.length} that there are`)
} finally {
  rmSync(copy, { recursive: true })
}
