// The build fills in the version and the files; see offline-plugin.ts.
const CACHE = `gradcheck-${'VERSION'}`
const FIRST = ['FIRST']
const LATER = ['LATER']

// a new version waits until no page of the old one is open: the two never mix
self.addEventListener('install', (event) => {
  const fresh = FIRST.map((file) => new Request(file, { cache: 'reload' }))
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(
          names
            .filter((name) => name.startsWith('gradcheck-') && name !== CACHE)
            .map((name) => caches.delete(name)),
        ),
      )
      .then(() => self.clients.claim()),
  )
})

// the page says when it is idle: the large examples come then
self.addEventListener('message', (event) => {
  if (event.data === 'cache-examples') {
    event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(LATER)))
  }
})

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) =>
        cache.match(event.request, { ignoreSearch: true }).then((cached) => cached ?? fetch(event.request)),
      ),
  )
})
