/** Replaces cli/sessions/session-clock.ts in tests: the real time, but every wait is short. */
import type { SessionClock } from '../../sdk/src/session/index.ts';

/** Longest wait, milliseconds. */
const longest = 150;

export const sessionClock: SessionClock = {
  now: () => Date.now(),
  wait: async (ms, { signal }) =>
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, longest));
      // The caller sees by the signal that it was aborted.
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};
