/** Keeps the page for when there is no network: small files now, the large example once the page is idle. */
export function registerOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  navigator.serviceWorker
    .register('./service-worker.js')
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => {
      const ask = () => active?.postMessage('cache-examples')
      if ('requestIdleCallback' in globalThis) requestIdleCallback(ask, { timeout: 10_000 })
      else setTimeout(ask, 3000)
    })
    .catch((error: unknown) => {
      // the page works without it, as long as its host can be reached
      console.info('the page is not kept for offline use:', error)
    })
}
