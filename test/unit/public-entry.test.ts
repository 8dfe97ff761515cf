import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  createSourceFile,
  forEachChild,
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isStringLiteral,
  type Node,
  ScriptTarget,
  SyntaxKind,
} from 'typescript'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))

const BROWSER_SAFE = [
  'ACTIVATION_NAMES',
  'GradcheckError',
  'LAYOUT_NAMES',
  'LOSS_NAMES',
  'REDUCTION_NAMES',
  'checkFunction',
  'checkGradients',
  'createBrowserEvaluator',
  'createCpuEvaluator',
  'dense',
  'formatFunctionReport',
  'formatReport',
  'functionReportToJson',
  'mergeArrays',
  'problemFromArrays',
  'program',
  'readArrays',
  'reportToJson',
  'sequential',
  'tensor',
  'traceForward',
  'useWebWorkers',
]

/** What code imports when it is loaded, and what later: no text in it that only reads like an import. */
function readImports(code: string): { atOnce: string[]; later: string[] } {
  const [atOnce, later]: string[][] = [[], []]
  const visit = (node: Node): void => {
    if ((isImportDeclaration(node) || isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      if (isStringLiteral(node.moduleSpecifier)) atOnce.push(node.moduleSpecifier.text)
    } else if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
      const [name] = node.arguments
      later.push(isStringLiteral(name) ? name.text : name.getText())
    }
    forEachChild(node, visit)
  }
  visit(createSourceFile('built.js', code, ScriptTarget.Latest, true))
  return { atOnce, later }
}

/** The files that a built file imports, itself among them, and the packages they import. */
function followImports(entry: string): { files: Map<string, string>; packages: Set<string> } {
  const files = new Map<string, string>()
  const packages = new Set<string>()
  const pending = [entry]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue
    const code = readFileSync(dist + file, 'utf8')
    files.set(file, code)
    const { atOnce, later } = readImports(code)
    for (const name of [...atOnce, ...later]) {
      if (name.startsWith('./')) pending.push(name.slice(2))
      else packages.add(name)
    }
  }
  return { files, packages }
}

it('the project is built before its tests run (npm run build)', () => {
  expect(existsSync(`${dist}index.js`)).toBe(true)
})

describe('the entry for browsers', () => {
  it('imports nothing of Node and no Dawn, not even later', () => {
    const { files, packages } = followImports('index.js')
    expect(files.size).toBeGreaterThan(1)
    expect([...packages].filter((name) => name.startsWith('node:') || name.startsWith('webgpu'))).toEqual([])
    // what a page must bring along is what the package declares, and runs in a page
    const declared = Object.keys(manifest.dependencies)
    const isDeclared = (name: string) => declared.some((each) => name === each || name.startsWith(`${each}/`))
    expect([...packages].filter((name) => !isDeclared(name))).toEqual([])
    expect([...packages].filter((name) => ['modern-tar', 'commander'].includes(name))).toEqual([])
  })

  it('uses no global of Node', () => {
    for (const [file, commented] of followImports('index.js').files) {
      const code = commented.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
      expect(code.match(/\b(?:process\.(?!env\.NODE_ENV)|Buffer\.|require\(|__dirname)/g), file).toBeNull()
    }
  })

  it('exports the documented names and no others', async () => {
    const entry = await import(`${dist}index.js`)
    expect(Object.keys(entry).sort()).toEqual(BROWSER_SAFE.toSorted())
  })

  it('loads mathjs only when a formula is read', () => {
    const { files } = followImports('index.js')
    const eager = new Set<string>()
    const pending = ['index.js']
    for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
      for (const name of readImports(files.get(file)!).atOnce) {
        if (!eager.has(name) && name.startsWith('./')) pending.push(name.slice(2))
        eager.add(name)
      }
    }
    const imported = (name: string) => name.startsWith('mathjs')
    expect([...eager].filter(imported)).toEqual([])
    expect([...followImports('index.js').packages].filter(imported)).toEqual(['mathjs/number'])
  })

  it('checks a function', async () => {
    const { checkFunction } = (await import(`${dist}index.js`)) as typeof import('../../src/index.js')
    const problem = { formula: 'theta * x', at: { theta: 4, x: 2 } }
    expect((await checkFunction({ ...problem, gradient: 'x' })).verdict).toBe('pass')
    expect((await checkFunction({ ...problem, gradient: 'theta' })).verdict).toBe('fail')
  })

  it('checks a gradient', async () => {
    const { checkGradients, dense, sequential, tensor } = (await import(
      `${dist}index.js`
    )) as typeof import('../../src/index.js')
    // J = ½·(w·x − y)²
    const problem = (gradient: number) => ({
      network: sequential([dense('linear')], { loss: 'half-squared-error' }),
      parameters: { W1: tensor([3], [1, 1]) },
      gradients: { dW1: tensor([gradient], [1, 1]) },
      inputs: tensor([2], [1, 1]),
      targets: tensor([1], [1, 1]),
    })
    expect((await checkGradients(problem(10))).verdict).toBe('pass')
    expect((await checkGradients(problem(5))).verdict).toBe('fail')
  })
})

describe('the entry for Node', () => {
  it('exports the same and the devices', async () => {
    const entry = await import(`${dist}node.js`)
    expect(Object.keys(entry).sort()).toEqual([...BROWSER_SAFE, 'openDevice', 'surveyDevices'].sort())
  })

  it('loads Dawn only when a device is opened', () => {
    const imports = [...followImports('node.js').files.values()].map(readImports)
    expect(imports.flatMap(({ atOnce }) => atOnce)).not.toContain('webgpu')
    expect(imports.flatMap(({ later }) => later)).toContain('webgpu')
  })
})

it('package.json leads to files that are there', () => {
  const { exports, bin } = manifest
  const targets = [
    ...Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    ),
    ...Object.values(bin),
  ]
  for (const target of targets) expect(existsSync(`${dist}../${target}`), target).toBe(true)
})
