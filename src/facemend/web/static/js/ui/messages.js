/** Tells people what happens: beside where it arose, in the foot of the panel, and aloud to screen readers. */

import { onLanguage, percent, t } from '../i18n.js';
import { $ } from './dom.js';

export function announce(text) {
  $('announce').textContent = text;
}

/** A problem in words; the server's own line where it says more than we could. */
export function describe({ key, values, code, text }) {
  if (key) return t(key, values);
  if (code === 'offline') return t('error.offline');
  if (code === 'time') return t('error.time');
  if (code === 'token') return t('error.token');
  const line = (text || t('error.offline')).replace(/^\w+: (?=is |has |cannot )/, 'This file ');
  return line[0].toUpperCase() + line.slice(1);
}

export function showMessages(studio) {
  const render = () => {
    const { photo, problem, busy, area, view, notes, layoutEdited, byLayout } = studio.state;
    showProblems(problem, photo);
    showWork(busy);
    const covered = area > 0 ? t(layoutEdited || byLayout ? 'status.areaLayout' : 'status.area', { share: percent(area) }) : t('status.nothing');
    $('status').textContent = view === 'compare' ? notes.join(' ') : covered;
  };
  studio.store.watch(['problem', 'busy', 'area', 'view', 'notes', 'layoutEdited', 'byLayout'], render);
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
