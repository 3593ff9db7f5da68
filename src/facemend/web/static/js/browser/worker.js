/** Works off the page's requests one after another, beside the page, so that it stays fluid. */

import { encodePng } from '../core/png.js';
import { readLayout, readMask } from '../pixels.js';
import { findDamage } from './damage.js';
import { loadDescription } from './files.js';
import { extent } from './framing.js';
import { Inpainter } from './inpainter.js';
import { openNets } from './nets.js';
import { cutPatch, readPhoto, toRgb, writePhoto } from './photos.js';
import { Problem } from './problem.js';
import { picture } from './resample.js';

const device = new URL(self.location).searchParams.get('device');
let isOpen = false;
const opening = open();
// Scripts that could not be fetched once are not fetched again here: the page makes another worker when next it asks for something.
opening.catch((error) => self.postMessage({ ended: told(error) }));
const stopped = new Set(); // numbers of requests that nobody waits for any more
let last = Promise.resolve();

self.onmessage = ({ data: { id, stop, name, values } }) => {
  if (stop) stopped.add(id);
  else last = last.then(() => answer(id, name, values));
};

/** Fetch all that is needed. */
async function open() {
  const description = await loadDescription();
  const nets = await openNets(description, device);
  isOpen = true;
  return { description, nets, inpainter: new Inpainter(nets, description) };
}

async function answer(id, name, values) {
  const job = {
    tell: (progress) => self.postMessage({ id, progress }),
    check: async () => {
      await new Promise((next) => setTimeout(next)); // lets the message in that says stop
      if (stopped.has(id)) throw new DOMException('stopped', 'AbortError');
    },
  };
  try {
    await job.check();
    if (!isOpen) job.tell({ stage: 'loading' });
    const result = await tasks[name](await opening, job, ...values);
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, error: { name: error.name, ...told(error) } });
  } finally {
    stopped.delete(id);
  }
}

function told(error) {
  if (error instanceof Problem || error.name === 'AbortError') return { code: error.code, message: error.message };
  console.error(error);
  if (error instanceof RangeError || /memory|allocat/i.test(error.message)) {
    return { code: 'memory', message: 'this photo needs more memory than the browser gives a page: reduce it first' };
  }
  return { code: 'internal', message: `something went wrong in this page: ${error.message ?? error}` };
}

const tasks = {
  load: async ({ nets }) => nets.device,

  inpaint: async ({ description: { legend }, inpainter }, job, from, { mask, layout, seed, num_variants: count }) => {
    job.tell({ stage: 'reading' });
    const photo = await readPhoto(from);
    const hole = await readHole(mask, photo);
    const ids = layout && { data: await readLayout(layout, legend, photo), width: photo.width, height: photo.height };
    let last = -1;
    const onRun = async (variant) => {
      await job.check();
      if (variant <= last) return;
      last = variant;
      job.tell(variant ? { stage: 'painting', step: variant, steps: count } : { stage: 'searching' });
    };
    const restored = await inpainter.restore(toRgb(photo), hole, { seed, numVariants: count, layout: ids, coding: photo.coding, onRun });
    job.tell({ stage: 'writing' });
    const variants = [];
    for (const painted of restored.variants) variants.push(await cutPatch(painted, hole, extent(hole)));
    return { variants, layout: await layoutPng(restored.layout, legend), notes: restored.notes, seed };
  },

  layout: async ({ description: { legend }, inpainter }, job, from, mask) => {
    const photo = await readPhoto(from);
    const hole = mask ? await readHole(mask, photo) : picture(photo.width, photo.height, 1);
    return layoutPng(await inpainter.parse(toRgb(photo), hole, job.check), legend);
  },

  damage: async ({ nets }, job, from) => {
    const photo = await readPhoto(from);
    return encodePng(photo.width, photo.height, await findDamage(toRgb(photo), nets.damage, job.check));
  },

  export: async (_, job, from, format) => writePhoto(await readPhoto(from), from.file, format),
};

async function readHole(mask, { width, height }) {
  const data = (await readMask(mask, { width, height })).map((value) => value >> 7);
  if (!data.includes(1)) throw new Problem('mask', 'the mask is empty, there is nothing to repaint: paint over the part to be restored');
  if (!data.includes(0)) throw new Problem('mask', 'the mask covers the whole photo: leave out the part that is to be kept');
  return { data, width, height };
}

function layoutPng({ data, width, height }, legend) {
  return encodePng(width, height, data, legend.map(({ color }) => color));
}
