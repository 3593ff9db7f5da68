/**
 * Keeps the exported studio in the browser: once it was loaded it needs no network. It also adds the headers that threads in
 * WebAssembly need, for web servers that cannot. `facemend web-export` writes before these lines BUILD, which names this export,
 * FILES, the small files of the page, and LARGE, the networks and the runtime by their SHA-256, which are kept when they are first
 * fetched. What else lies below this folder, perhaps another export, is no business of this one's.
 */

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const { scope } = self.registration;
const CACHE = `${scope} ${BUILD}`; // an origin's exports share its caches
const OURS = new Set([...FILES, ...Object.keys(LARGE)].map(address));
const SHA256 = new Map(Object.entries(LARGE).map(([path, sha256]) => [address(path), sha256]));

self.addEventListener('install', (event) => event.waitUntil(fill()));
self.addEventListener('activate', (event) => event.waitUntil(takeOver()));
self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && OURS.has(bare(url))) event.respondWith(answer(event));
});

/** Large files that were kept of an export before this one are in use: an open page, which has loaded them, fetches them no more. */
async function fill() {
  const anew = (path) => new Request(path, { cache: 'no-cache' });
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map(anew));
  for (const path of Object.keys(LARGE)) {
    if (await caches.match(path, { ignoreSearch: true })) await keep(anew(path), await fetch(anew(path)), cache);
  }
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
  if (fetched.status === 200) event.waitUntil(keep(request, fetched.clone(), cache).catch(() => {})); // storage may be full
  return withHeaders(fetched);
}

/** A large file is kept if it is the one that was exported: while the folder is copied to its server it may be half of it. */
async function keep(request, fetched, cache) {
  const content = await fetched.arrayBuffer();
  const sha256 = SHA256.get(bare(request.url));
  if (!sha256 || (await digest(content)) === sha256) await cache.put(request, new Response(content, fetched));
}

async function digest(content) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function address(path) {
  return new URL(path, scope).href;
}

function bare(url) {
  return url.replace(/[?#].*/, '');
}

function withHeaders(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
