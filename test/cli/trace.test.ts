import { expect, it } from 'vitest'
import { runCli } from '../support/run-cli.js'
import { fixturePath } from '../support/temporary-files.js'

const NETWORK = ['check', fixturePath('three-layer.npz'), '--activations', 'relu,relu,sigmoid']

it('--trace checks nothing, and prints what was read and every operation', async () => {
  const { status, stdout, stderr } = await runCli([...NETWORK, '--loss', 'binary-cross-entropy', '--trace'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toBe(`parameters, columns layout
  W1  (5, 4)  weights of layer 1  gradient dW1
  b1  (5, 1)  biases of layer 1   gradient db1
  W2  (3, 5)  weights of layer 2  gradient dW2
  b2  (3, 1)  biases of layer 2   gradient db2
  W3  (1, 3)  weights of layer 3  gradient dW3
  b3  (1, 1)  biases of layer 3   gradient db3

data: inputs (3, 4), targets (3, 1)
loss 2.407833389834357: binary-cross-entropy, mean over 3 samples

operations, a row for each sample
  %0 (3, 4) = (inputs)
  %1 (3, 1) = (targets)
  %2 (5, 4) = W1
  %3 (5, 1) = b1
  %4 (3, 5) = W2
  %5 (3, 1) = b2
  %6 (1, 3) = W3
  %7 (1, 1) = b3
  %8 (4, 5) = transpose(%2)   layer 1
  %9 (3, 5) = matmul(%0, %8)   layer 1
  %10 (5,) = reshape(%3, shape=[5])   layer 1
  %11 (3, 5) = add(%9, %10)   Z1, layer 1
  %12 (3, 5) = relu(%11)   A1, layer 1
  %13 (5, 3) = transpose(%4)   layer 2
  %14 (3, 3) = matmul(%12, %13)   layer 2
  %15 (3,) = reshape(%5, shape=[3])   layer 2
  %16 (3, 3) = add(%14, %15)   Z2, layer 2
  %17 (3, 3) = relu(%16)   A2, layer 2
  %18 (3, 1) = transpose(%6)   layer 3
  %19 (3, 1) = matmul(%17, %18)   layer 3
  %20 (1,) = reshape(%7, shape=[1])   layer 3
  %21 (3, 1) = add(%19, %20)   Z3, layer 3
  %22 (3, 1) = binaryCrossEntropyWithLogits(%21, %1)
  %23 () = sum(%22)
  %24 () = 0.3333333333333333
→ %25 () = multiply(%23, %24)
`)
})

it('--trace of what cannot be read is an error, as of a check', async () => {
  const { status, stderr } = await runCli([
    ...NETWORK.slice(0, 3),
    'relu',
    '--loss',
    'binary-cross-entropy',
    '--trace',
  ])
  expect(status).toBe(2)
  expect(stderr).toMatch(/^gradcheck: /)
  const asJson = await runCli([...NETWORK, '--loss', 'binary-cross-entropy', '--trace', '--json'])
  expect(asJson.status).toBe(2)
  expect(asJson.stderr).toContain('--trace prints text')
})
