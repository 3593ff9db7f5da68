/** The exported folder's own files: fetched from where this page lies, and checked to be those that were exported. */

import { Problem } from './problem.js';

const ROOT = new URL('../../', import.meta.url);
const AGAIN = 'export the studio again with `facemend web-export`';
const ANEW = `load the page again; if that does not help, ${AGAIN}`;

export function fileAddress(path) {
  return new URL(path, ROOT).href;
}

/** What `facemend web-export` wrote about the folder. */
export async function loadDescription() {
  const content = await fetchFile('backend.json');
  const description = await new Response(content).json().catch(() => ({}));
  if (description.format === 1) return description;
  throw new Problem('files', `backend.json is of format ${description.format}, this page knows 1: ${AGAIN}`);
}

/** A network's bytes; a file that is missing, cut off or of another export is a problem. */
export async function loadNetwork(path, { networks }) {
  const { bytes, sha256 } = networks[path];
  const content = new Uint8Array(await fetchFile(path));
  const fail = (wrong) => {
    throw new Problem('files', `${path} ${wrong}: ${ANEW}`);
  };
  if (content.length !== bytes) fail(`has ${content.length} bytes instead of ${bytes}, it is cut off or another one`);
  if (crypto.subtle && (await digest(content)) !== sha256) fail('is not the file that this page was exported with');
  return content;
}

/** What to say of a file that does not come, or breaks off on its way. */
export function lost(path) {
  return new Problem('files', `${path} cannot be fetched: is there a connection to ${ROOT.host}?`);
}

async function fetchFile(path) {
  const fail = () => {
    throw lost(path);
  };
  const answer = await fetch(fileAddress(path)).catch(fail);
  if (!answer.ok) throw new Problem('files', `${path} is missing from this site (${answer.status}): ${AGAIN}`);
  return answer.arrayBuffer().catch(fail);
}

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
