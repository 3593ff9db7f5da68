/** Talks to the server that this page came from, and to no other. docs/api.md describes what is said. */

import { readEvents } from './events.js';

class ApiError extends Error {
  constructor(status, code, message, retryAfter) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

export class Api {
  formats = ['png', 'tiff', 'webp', 'jpeg'];
  keptFormats = [...this.formats, 'bmp', 'heic']; // those that a photo comes back in when it came in them
  keepsPhotosHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
  notice = null;
  #token = null;

  /** @param {() => Promise<string | null>} askToken what to do when the server wants a token */
  constructor(askToken) {
    this.askToken = askToken;
  }

  useToken(token) {
    this.#token = token;
  }

  models() {
    return this.#send('models').then((answer) => answer.json().catch(lost));
  }

  /** The photo as a JPEG or PNG that any browser shows. */
  preview(file, signal) {
    return this.#sendForFile('preview', form({ photo: file }), signal);
  }

  /** Rejects if the photo cannot be restored: it is decoded with all checks, and next to nothing of it sent back. */
  async approve(photo, signal) {
    await this.#send('preview', form({ photo, max_side: 16 }), { signal });
  }

  /** @param {{file: File, patches: object[]}} picture */
  layout(picture, mask, signal) {
    return this.#sendForFile('layout', pictureForm(picture, { mask }), signal);
  }

  damage(picture, signal) {
    return this.#sendForFile('damage', pictureForm(picture), signal);
  }

  /** The picture as a file of `format`; without one, of the photo's own. */
  export(picture, format, signal) {
    return this.#sendForFile('export', pictureForm(picture, { format }), signal);
  }

  /** Repaint; `onProgress` hears each stage. Resolves to `{variants: [patch], layout: Blob, notes, seed}`. */
  async inpaint(picture, fields, { signal, onProgress }) {
    const body = pictureForm(picture, { ...fields, answer: 'patch' });
    const answer = await this.#send('inpaint', body, { signal, accept: 'text/event-stream' });
    for await (const { event, data } of readEvents(answer.body, lost)) {
      if (event === 'progress') onProgress(data);
      if (event === 'failed') throw new ApiError(200, data.error.code, data.error.message);
      if (event !== 'done') continue;
      const images = await Promise.all(data.images.map(async (image) => ({ ...image, blob: await fromBase64(image.image) })));
      return {
        variants: images.map(({ blob, left, top, width, height }) => ({ blob, left, top, width, height })),
        layout: await fromBase64(data.layout),
        notes: data.notes,
        seed: data.seed,
      };
    }
    throw new ApiError(0, 'offline', 'the answer broke off');
  }

  async #sendForFile(route, body, signal) {
    const answer = await this.#send(route, body, { signal });
    return answer.blob().catch(lost);
  }

  async #send(route, body, { signal, accept = '*/*' } = {}) {
    for (;;) {
      const headers = { Accept: accept, ...(this.#token && { Authorization: `Bearer ${this.#token}` }) };
      const answer = await fetch(`api/v1/${route}`, { method: body ? 'POST' : 'GET', body, headers, signal }).catch(lost);
      if (answer.ok) return answer;
      const error = await readError(answer);
      if (error.status !== 401) throw error;
      this.#token = await this.askToken(Boolean(this.#token));
      if (this.#token === null) throw error;
    }
  }
}

/** The server is gone, before or while it answers. */
function lost(error) {
  throw error.name === 'AbortError' ? error : new ApiError(0, 'offline', error.message);
}

async function readError(answer) {
  const told = await answer.json().catch(() => null);
  const { code = 'server', message = answer.statusText } = told?.error ?? {};
  return new ApiError(answer.status, code, message, Number(answer.headers.get('Retry-After')) || 0);
}

function pictureForm({ file, patches }, fields = {}) {
  const body = form({ photo: file, ...fields });
  for (const { blob, left, top } of patches) {
    body.append('patch', blob, 'patch.png');
    body.append('patch_at', `${left},${top}`);
  }
  return body;
}

function form(fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    const fileName = value.name ?? name + '.png';
    if (value instanceof Blob) body.append(name, value, fileName);
    else body.append(name, String(value));
  }
  return body;
}

function fromBase64(text) {
  return fetch(`data:image/png;base64,${text}`).then((answer) => answer.blob());
}
