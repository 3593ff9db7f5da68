/** The keyboard: what each key does, and the list that the help shows. */

export const SHORTCUTS = {
  tools: [
    [['B'], 'tool.brush'], [['E'], 'tool.eraser'], [['L'], 'tool.lasso'], [['R'], 'tool.rectangle'], [['G'], 'tool.bucket'],
    [['H'], 'tool.hand'], [['[', ']'], 'keys.size'], [['{', '}'], 'keys.softness'], [['Alt'], 'keys.alt'],
  ],
  views: [
    [['P'], 'view.paint'], [['Y'], 'view.layout'], [['C'], 'view.compare'], [['+', '−'], 'keys.zoom'], [['0'], 'zoom.fit'],
    [['1'], 'zoom.actual'], [['Space'], 'keys.pan'], [['V'], 'keys.veil'],
  ],
  actions: [
    [['Ctrl', 'Enter'], 'action.restore'], [['Ctrl', 'Z'], 'undo'], [['Ctrl', 'Shift', 'Z'], 'redo'], [['Ctrl', 'O'], 'open.pick'],
    [['Ctrl', 'V'], 'keys.paste'], [['Ctrl', 'S'], 'action.download'], [['Esc'], 'stop'], [['?'], 'help.title'],
  ],
  keyboard: [[['←', '→', '↑', '↓'], 'keys.move'], [['Space'], 'keys.press'], [['Shift', '→'], 'keys.far']],
};

/** @param {Record<string, () => void>} actions by key, or by `Ctrl+` and key */
export function listenForKeys(actions) {
  document.addEventListener('keydown', (event) => {
    if (event.target.closest('dialog, select, input:not([type=range]):not([type=radio])')) return;
    const isBracket = event.altKey && '[]{}'.includes(event.key); // on many keyboards with Option, or AltGr, which may be Ctrl and Alt
    const isCommand = !isBracket && (event.ctrlKey || event.metaKey);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const name = `${isCommand ? 'Ctrl+' : ''}${isCommand && event.shiftKey ? 'Shift+' : ''}${key}`;
    const action = actions[name];
    if (!action || (event.altKey && !isBracket)) return;
    if (key === 'Escape' && document.querySelector('dialog[open], :popover-open')) return; // the browser closes it
    event.preventDefault();
    action();
  });
}
