import { serve } from './worker.js'
import type { ToWorker } from './worker-messages.js'

const answer = serve((message, transfer) => self.postMessage(message, { transfer }))
self.addEventListener('message', (event: MessageEvent<ToWorker>) => {
  // told to the page as an error that is thrown
  answer(event.data).catch(reportError)
})
