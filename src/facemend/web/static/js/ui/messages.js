/** Tells people what happens: beside where it arose, in the foot of the panel, and aloud to screen readers. */

import { onLanguage, percent, t } from '../i18n.js';
import { $ } from './dom.js';

export function announce(text) {
  $('announce').textContent = text;
}

const BY_CODE = { offline: 'error.offline', time: 'error.time', token: 'error.token', memory: 'error.memory' };
const BY_TEXT = Object.entries({ // what is told most often, by the server or by the worker beside the page
  'is not a picture': 'error.notPicture',
  'damaged or truncated': 'error.truncated',
  'is an animation': 'error.animation',
  'has several pictures': 'error.several',
  'has several pages': 'error.several',
  'browser cannot read that picture': 'error.browserPicture',
  'browser cannot show that picture': 'error.browserPicture',
  'covers the whole photo': 'error.wholePhoto',
});

/** A problem in words: the page's, or the server's own line where the page has none. */
export function describe({ key, values, code, text = '' }) {
  const known = key ?? BY_CODE[code] ?? BY_TEXT.find(([part]) => text.includes(part))?.[1];
  if (known) return t(known, values);
  const line = (text || t('error.offline')).replace(/^\w+: (?=is |has |cannot )/, 'This file ');
  return line[0].toUpperCase() + line.slice(1);
}

/** A note of the network's in the page's words; its own advice is for those who type commands. */
function inWords(note) {
  return note.startsWith('no face found') ? t('note.noFace') : note;
}

export function showMessages(studio) {
  const render = () => {
    const { photo, problem, busy, area, view, steps, shown, layoutEdited, byLayout } = studio.state;
    showProblems(problem, photo);
    showWork(busy);
    const covered = area > 0 ? t(layoutEdited || byLayout ? 'status.areaLayout' : 'status.area', { share: percent(area) }) : t('status.nothing');
    $('status').textContent = view === 'compare' ? steps[shown.step].notes.map(inWords).join(' ') : covered;
  };
  studio.store.watch(['problem', 'busy', 'area', 'view', 'steps', 'shown', 'layoutEdited', 'byLayout'], render);
  studio.store.watch(['steps'], ({ steps }) => steps.length > 1 && announce(t('status.done')));
  onLanguage(render);
}

function showProblems(problem, photo) {
  const where = problem?.where === 'photo' && photo ? 'restore' : problem?.where; // the empty page has a place of its own
  for (const place of document.querySelectorAll('[data-problem]')) {
    const isHere = where === place.dataset.problem;
    place.hidden = !isHere;
    place.textContent = isHere ? describe(problem) : '';
  }
}

let focused = null; // what had the focus before work took it away

function showWork(busy) {
  const isExport = busy?.kind === 'export'; // told in the dialog that asked for it
  const shown = Boolean(busy) && !isExport;
  if (shown && !$('main-action').hidden) focused = document.activeElement;
  const text = busy ? progressText(busy) : '';
  for (const place of document.querySelectorAll('.working')) {
    const [bar] = place.getElementsByTagName('progress');
    place.hidden = !busy || isExport !== $('download').contains(place);
    place.querySelector('span').textContent = text;
    if (busy?.step) bar.value = (busy.step - 0.5) / busy.steps;
    else bar.removeAttribute('value');
  }
  $('main-action').hidden = shown;
  $('stage').classList.toggle('is-painting', busy?.kind === 'restore');
  $('panel-body').inert = shown;
  if (shown) return announce(text);
  if (document.activeElement.matches('body, .stop')) focused?.focus();
  focused = null;
}

function progressText({ kind, stage, step, steps, position, seconds }) {
  if (kind !== 'restore' && stage !== 'full') return t(`working.${kind}`);
  if (stage === 'painting') return t('working.painting', { step, steps });
  return t(`working.${stage}`, { position, seconds });
}
