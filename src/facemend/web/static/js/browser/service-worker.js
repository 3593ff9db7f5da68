/**
 * Keeps the exported studio in the browser: once it was loaded it needs no network. It also adds the headers that threads in
 * WebAssembly need, for web servers that cannot. `facemend web-export` writes before these lines BUILD, which names this export,
 * FILES, the small files of the page, and LARGE, the networks and the runtime, which are kept when they are first fetched. What
 * else lies below this folder, perhaps another export, is no business of this one's.
 */

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const { scope } = self.registration;
const CACHE = `${scope} ${BUILD}`; // an origin's exports share its caches
const OURS = new Set([...FILES, ...LARGE].map((path) => new URL(path, scope).href));

self.addEventListener('install', (event) => event.waitUntil(fill()));
self.addEventListener('activate', (event) => event.waitUntil(takeOver()));
self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && OURS.has(url.replace(/[?#].*/, ''))) event.respondWith(answer(event));
});

/** Large files that were kept of an export before this one are in use: an open page, which has loaded them, fetches them no more. */
async function fill() {
  const paths = [...FILES];
  for (const path of LARGE) if (await caches.match(path, { ignoreSearch: true })) paths.push(path);
  const cache = await caches.open(CACHE);
  await cache.addAll(paths.map((path) => new Request(path, { cache: 'no-cache' })));
  await self.skipWaiting();
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith(`${scope} `) && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

async function answer(event) {
  const { request } = event;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return withHeaders(kept);
  const fetched = await fetch(request);
  if (!fetched.ok) return fetched; // the address of a redirection, for one, cannot be given other headers
  if (fetched.status === 200) event.waitUntil(cache.put(request, fetched.clone()).catch(() => {})); // storage may be full
  return withHeaders(fetched);
}

function withHeaders(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
