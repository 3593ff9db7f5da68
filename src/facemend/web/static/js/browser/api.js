/** What `js/api.js` asks a server, done in this browser: the same methods, with a worker beside the page that runs the networks. */

import { kindOf } from '../kinds.js';
import { loadDescription } from './files.js';
import { Problem } from './problem.js';

// A function that adds one vector: only an engine with SIMD finds it valid.
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

export class BrowserApi {
  formats = ['png', 'webp', 'jpeg'];
  keptFormats = this.formats;
  keepsPhotosHere = true;
  #waiting = new Map();
  #count = 0;
  #worker = null; // none before the first request, and once it has failed

  /** A key of the page's words for what is not as it could be here, or null. */
  get notice() {
    return self.crossOriginIsolated ? null : 'browser.slow';
  }

  async models() {
    if (!globalThis.WebAssembly?.validate(SIMD)) throw new Problem('browser', 'this browser lacks WebAssembly with SIMD, which the networks need: take a newer one');
    return { ...(await loadDescription()), device: 'browser' };
  }

  /** Resolves to where the networks run, once all of them are loaded and nothing more is fetched. */
  ready() {
    return this.#ask('load', []);
  }

  async preview(file) {
    if (!(await kindOf(file))) throw new Problem('photo', 'this file is not a picture: take a PNG, JPEG or WebP');
    throw new Problem('photo', 'this browser cannot show that picture (TIFF and HEIC are for the server): save it as PNG or JPEG first');
  }

  async approve() {} // what this browser has decoded it can restore

  layout(picture, mask, signal) {
    return this.#ask('layout', [picture, mask], { signal });
  }

  damage(picture, signal) {
    return this.#ask('damage', [picture], { signal });
  }

  export(picture, format, signal) {
    return this.#ask('export', [picture, format], { signal });
  }

  inpaint(picture, fields, options) {
    return this.#ask('inpaint', [picture, fields], options);
  }

  #ask(name, values, { signal, onProgress = () => {} } = {}) {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#worker.postMessage({ id, stop: true });
        this.#waiting.delete(id);
        reject(stopped());
      };
      if (signal?.aborted) return reject(stopped());
      this.#worker ??= this.#start();
      signal?.addEventListener('abort', stop, { once: true });
      const end = (settle) => (value) => (signal?.removeEventListener('abort', stop), this.#waiting.delete(id), settle(value));
      this.#waiting.set(id, { resolve: end(resolve), reject: end(reject), onProgress });
      this.#worker.postMessage({ id, name, values });
    });
  }

  #start() {
    const device = new URLSearchParams(location.search).get('device') ?? '';
    const worker = new Worker(new URL(`worker.js?device=${encodeURIComponent(device)}`, import.meta.url), { type: 'module' });
    const end = ({ code, message }) => worker === this.#worker && this.#end(new Problem(code, message));
    worker.onmessage = ({ data }) => (data.ended ? end(data.ended) : this.#hear(data));
    worker.onerror = ({ message = 'it could not be loaded' }) =>
      end({ code: 'browser', message: `the worker beside this page has failed: ${message}; load the page again` });
    return worker;
  }

  #hear({ id, progress, result, error }) {
    const request = this.#waiting.get(id);
    if (!request) return;
    if (progress) request.onProgress(progress);
    else if (error) request.reject(error.name === 'AbortError' ? stopped() : new Problem(error.code, error.message));
    else request.resolve(result);
  }

  /** The worker is of no use any more: whoever waits for it is told why. */
  #end(problem) {
    this.#worker.terminate();
    this.#worker = null;
    for (const { reject } of [...this.#waiting.values()]) reject(problem);
  }
}

function stopped() {
  return new DOMException('stopped', 'AbortError');
}
