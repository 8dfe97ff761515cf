import { parentPort } from 'node:worker_threads'
import { serve } from '../cpu/worker.js'

const port = parentPort!
port.on(
  'message',
  serve((message, transfer) => port.postMessage(message, transfer)),
)
