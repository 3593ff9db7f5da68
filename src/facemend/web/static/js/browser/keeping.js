/** Has the browser keep this page, so that it works without a network. */

import { fileAddress } from './files.js';

const PATIENCE = 10_000; // milliseconds to fetch the page's small files

/** Resolves once the page is kept, or cannot be; loads it anew where only the service worker brings the headers for threads. */
export async function keepPage() {
  const registered = await navigator.serviceWorker?.register(fileAddress('service-worker.js')).catch(() => null);
  if (!registered) return; // an insecure address, or the browser's user does not want it: the page works all the same
  if (!navigator.serviceWorker.controller) await takenOver(registered);
  if (self.crossOriginIsolated || !navigator.serviceWorker.controller) return;
  try {
    if (sessionStorage.getItem('loadedAnew')) return;
    sessionStorage.setItem('loadedAnew', 'yes');
  } catch {
    return; // what cannot be remembered would be done for ever
  }
  location.reload();
  await new Promise(() => {}); // nothing more happens on this page
}

/** Resolves once a first service worker serves this page, or cannot; one that is active stays out of a page that is loaded past it. */
function takenOver({ active, installing }) {
  if (active || !installing) return;
  return new Promise((done) => {
    navigator.serviceWorker.addEventListener('controllerchange', done, { once: true });
    installing.addEventListener('statechange', () => installing.state === 'redundant' && done());
    setTimeout(done, PATIENCE);
  });
}
