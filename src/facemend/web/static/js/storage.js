/** What the browser keeps for this page: from visit to visit, and until the tab is closed. */

export const settings = storage('localStorage');
export const session = storage('sessionStorage');

/** A storage of the browser; what that does not keep, blocked or full, lasts as long as the page. */
function storage(name) {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? attempt(() => window[name].getItem(key)),
    setItem(key, value) {
      kept.set(key, value);
      attempt(() => window[name].setItem(key, value));
    },
  };
}

function attempt(act) {
  try {
    return act();
  } catch {
    return null;
  }
}
