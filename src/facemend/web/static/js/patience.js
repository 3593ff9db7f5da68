/**
 * Asks again while the server's queue is full, after as many seconds as the server said; `onWait` is told how many are left, and 0
 * when it asks. Once stopped it waits for nothing more.
 */
export async function patiently(ask, { signal, onWait }) {
  const stopped = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  for (;;) {
    try {
      return await Promise.race([ask(), stopped]);
    } catch (error) {
      if (error.code !== 'busy') throw error;
      for (let left = error.retryAfter || 2; left > 0; left--) {
        onWait(left);
        await Promise.race([new Promise((done) => setTimeout(done, 1000)), stopped]);
      }
      onWait(0);
    }
  }
}
