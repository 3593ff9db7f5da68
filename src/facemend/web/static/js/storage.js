/** What the browser keeps for this page: from visit to visit, and until the tab is closed. */

export const settings = storage('localStorage');
export const session = storage('sessionStorage');

/** A storage of the browser; where it is blocked, one that lasts as long as the page. */
function storage(name) {
  try {
    return window[name];
  } catch {
    const kept = new Map();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  }
}
