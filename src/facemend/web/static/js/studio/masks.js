/** Masks that nobody paints: parts of the face, damage, a file, what the photo leaves transparent. */

import { PARTS } from '../core/classes.js';
import { partShape } from '../core/faces.js';
import { bitmap } from '../core/shapes.js';
import { readMask, transparentPart } from '../pixels.js';
import { decodeUpright } from '../upright.js';
import { Complaint } from './jobs.js';

export class Masks {
  constructor({ store, api, jobs, painting, history, layouts }) {
    Object.assign(this, { store, api, jobs, painting, history, layouts });
  }

  async addPart(name) {
    if (!(await this.layouts.need('mask'))) return;
    const shape = partShape(this.painting.layout, PARTS[name]);
    if (!shape) return this.jobs.complain('mask', 'error.part');
    this.painting.addToMask(shape);
  }

  async addDamage() {
    const { photo } = this.store.state;
    const bytes = await this.jobs.run('mask', { kind: 'damage' }, async (signal) => {
      const picture = await this.history.picture(this.history.basePlace);
      return fitting(readMask(await this.api.damage(picture, signal), photo), photo);
    });
    if (!bytes) return;
    if (!bytes.includes(255)) return this.jobs.complain('mask', 'error.damage');
    this.painting.addToMask(bitmap(this.painting.mask.bounds, bytes));
  }

  async useFile(file) {
    const { photo } = this.store.state;
    const bytes = await this.jobs.run('mask', { kind: 'mask' }, () => {
      const reading = decodeUpright(file).then((upright) => readMask(upright, photo)).catch(() => {
        throw new Complaint('error.maskFile');
      });
      return fitting(reading, photo);
    });
    if (bytes) this.painting.replaceMask(bytes);
  }

  useAlpha() {
    const bytes = transparentPart(this.store.state.photo.levels[0]);
    if (!bytes) return this.jobs.complain('mask', 'error.alpha');
    this.painting.replaceMask(bytes);
  }

  clear() {
    this.painting.replaceMask(this.painting.noMask());
  }

  invert() {
    this.painting.replaceMask(this.painting.mask.data.map((value) => 255 - value));
  }
}

/** What was read of a mask file, if it has the photo's shape. */
async function fitting(reading, { width, height }) {
  const bytes = await reading;
  if (bytes) return bytes;
  throw new Complaint('error.maskShape', { size: `${width} × ${height}` });
}
