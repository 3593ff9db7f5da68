/**
 * An exported studio that was once served at this address left its service worker in the browser, which would go on showing that
 * one. This takes its place, takes away what it kept, ends itself, and loads the page that is looked at anew.
 */

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(retire()));

async function retire() {
  const { registration, clients } = self;
  for (const name of await caches.keys()) if (name.startsWith(`${registration.scope} `)) await caches.delete(name);
  await registration.unregister();
  for (const client of await clients.matchAll({ type: 'window' })) if (client.visibilityState === 'visible') client.navigate(client.url);
}
