/**
 * Keeps the exported studio in the browser: once it was loaded it needs no network. It also adds the headers that threads in
 * WebAssembly need, for web servers that cannot. `facemend web-export` writes BUILD, which names this export, and FILES, the
 * small files of the page, before these lines; the networks and the runtime are kept when they are first fetched.
 */

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

self.addEventListener('install', (event) => event.waitUntil(fill()));
self.addEventListener('activate', (event) => event.waitUntil(takeOver()));
self.addEventListener('fetch', (event) => {
  const isOurs = event.request.method === 'GET' && event.request.url.startsWith(self.registration.scope);
  if (isOurs) event.respondWith(answer(event.request));
});

async function fill() {
  const cache = await caches.open(BUILD);
  await cache.addAll(FILES.map((path) => new Request(path, { cache: 'no-cache' })));
  await self.skipWaiting();
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith('facemend-') && name !== BUILD) await caches.delete(name);
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(BUILD);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return withHeaders(kept);
  const fetched = await fetch(request);
  if (fetched.ok && fetched.status === 200) await cache.put(request, fetched.clone());
  return withHeaders(fetched);
}

function withHeaders(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
