/** Asks again while the server's queue is full, after as many seconds as the server said. */
export async function patiently(ask, { signal, onWait }) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error.code !== 'busy') throw error;
      for (let left = error.retryAfter || 2; left > 0; left--) {
        onWait(left);
        await pause(1000, signal);
      }
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException('stopped', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
