/** Puts the page together. */

import { chosenLanguage, onLanguage, t, useLanguage } from './i18n.js';
import { listenForKeys } from './shortcuts.js';
import { session } from './storage.js';
import { Studio } from './studio/studio.js';
import { buildCompareSlider } from './ui/compare.js';
import { askToken, buildDownload, buildHelp } from './ui/dialogs.js';
import { $, atFirstClick } from './ui/dom.js';
import { Gestures } from './ui/gestures.js';
import { Guides } from './ui/guides.js';
import { buildHeader } from './ui/header.js';
import { KeyboardBrush } from './ui/keyboard-brush.js';
import { describe, showMessages } from './ui/messages.js';
import { askMaskFile, buildOpen } from './ui/open.js';
import { buildPanels } from './ui/panels.js';
import { buildRail, chooseTool, stepBrush } from './ui/rail.js';
import { buildResults } from './ui/results.js';
import { Stage } from './ui/stage.js';

const words = useLanguage(chosenLanguage()); // on their way while the rest is fetched
try {
  const isAlone = document.querySelector('meta[name="backend"]').content === 'browser'; // written by `facemend web-export`
  const opening = isAlone ? openBrowser() : openServer();
  await words; // before anything is asked or complained of
  const api = await opening;
  const studio = new Studio(api, await api.models());
  await build(studio);
  if (isAlone) awaitNetworks(studio);
} catch (error) {
  const place = document.querySelector('[data-problem="photo"]');
  place.hidden = false;
  place.textContent = describe({ code: error.code, text: error.message });
  throw error;
}

/** Everything is done in this browser. */
async function openBrowser() {
  const [{ BrowserApi }, { keepPage }] = await Promise.all([import('./browser/api.js'), import('./browser/keeping.js')]);
  await keepPage();
  return new BrowserApi();
}

/** Say where the networks run as soon as all that is needed has been fetched, or why it was not. */
async function awaitNetworks(studio) {
  try {
    document.body.dataset.device = await studio.api.ready();
  } catch ({ code, message }) {
    studio.store.set({ problem: { where: 'photo', code, text: message } });
  }
}

/** The server that this page came from does the work. */
async function openServer() {
  const { Api } = await import('./api.js');
  const api = new Api(async (wasWrong) => {
    const token = await askToken(wasWrong);
    if (token) session.setItem('token', token); // until this tab is closed
    return token;
  });
  takeTokenFromAddress(api);
  return api;
}

/** `/#token=...` never reaches a server's log; once read it need not stay in sight. */
function takeTokenFromAddress(api) {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? session.getItem('token');
  if (!token) return;
  api.useToken(token);
  session.setItem('token', token);
  history.replaceState(null, '', location.pathname);
}

function build(studio) {
  const stage = new Stage(studio);
  const guides = new Guides(stage);
  const gestures = new Gestures(studio, stage, guides);
  const keyboard = new KeyboardBrush(studio, stage, guides);
  buildHeader(studio, stage);
  buildRail(studio, stage, guides);
  buildPanels(studio, stage, askMaskFile);
  buildResults(studio, stage);
  buildCompareSlider(studio, stage);
  buildOpen(studio);
  const openHelp = buildHelp();
  const openDownload = buildDownload(studio);
  showMessages(studio);
  buildMainAction(studio, openDownload);
  for (const stop of document.querySelectorAll('.stop')) stop.onclick = atFirstClick(() => studio.jobs.stop());
  buildKeys(studio, stage, gestures, keyboard, openHelp, openDownload);
  return useLanguage(document.documentElement.lang);
}

/** The one primary button: Restore, or Download once there is a result on the stage. */
function buildMainAction(studio, openDownload) {
  const [use, text] = [$('main-action').querySelector('use'), $('main-action').querySelector('span')];
  const render = () => {
    const isResult = studio.state.view === 'compare';
    use.setAttribute('href', `icons.svg#${isResult ? 'download' : 'restore'}`);
    text.textContent = t(isResult ? 'action.download' : 'action.restore');
    $('main-action').onclick = isResult ? openDownload : () => studio.restore();
  };
  studio.store.watch(['view'], render);
  onLanguage(render);
}

function buildKeys(studio, stage, gestures, keyboard, openHelp, openDownload) {
  const withPhoto = (action) => () => studio.state.photo && action();
  const idle = (action) => withPhoto(() => {
    if (studio.state.busy || gestures.isPainting) return;
    keyboard.lift();
    action();
  });
  const soften = (change) => studio.store.set({ softness: Math.min(1, Math.max(0, studio.state.softness + change)) });
  const tool = (name) => withPhoto(() => chooseTool(studio, name));
  const view = (name) => idle(() => (name !== 'compare' || studio.state.steps.length > 1) && studio.show(name));
  listenForKeys({
    b: tool('brush'), e: tool('eraser'), l: tool('lasso'), r: tool('rectangle'), g: tool('bucket'), h: tool('hand'),
    p: view('paint'), y: view('layout'), c: view('compare'),
    '[': withPhoto(() => stepBrush(studio, -1)), ']': withPhoto(() => stepBrush(studio, 1)),
    '{': withPhoto(() => soften(-0.1)), '}': withPhoto(() => soften(0.1)),
    '+': withPhoto(() => stage.zoom(1.4)), '=': withPhoto(() => stage.zoom(1.4)), '-': withPhoto(() => stage.zoom(1 / 1.4)),
    0: withPhoto(() => stage.fit()), 1: withPhoto(() => stage.zoom(1 / stage.view.scale)),
    'Ctrl+z': idle(() => studio.painting.undo()), 'Ctrl+Shift+z': idle(() => studio.painting.redo()), 'Ctrl+y': idle(() => studio.painting.redo()),
    'Ctrl+Enter': idle(() => studio.restore({ another: studio.state.view === 'compare' })), 'Ctrl+s': idle(openDownload), 'Ctrl+o': () => $('photo-file').click(),
    v: withPhoto(() => {
      stage.showOverlay = !stage.showOverlay;
      stage.redraw();
    }),
    Escape: () => (gestures.isPainting ? gestures.cancel() : studio.jobs.stop()),
    '?': openHelp,
  });
  panWhileSpaceIsHeld(stage, gestures, keyboard);
}

/** Space moves the photo, but where it puts the keyboard's brush down. */
function panWhileSpaceIsHeld(stage, gestures, keyboard) {
  document.addEventListener('keydown', (event) => {
    const isOnStage = event.target === stage.element || event.target === document.body;
    if (event.key !== ' ' || !isOnStage || keyboard.isActive) return;
    event.preventDefault();
    gestures.spaceHeld = true;
  });
  const letGo = () => (gestures.spaceHeld = false);
  document.addEventListener('keyup', ({ key }) => key === ' ' && letGo());
  window.addEventListener('blur', letGo); // where it is let go of then is not told here
}
