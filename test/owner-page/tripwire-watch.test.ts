/** When the owner's page looks for tripwires, and which ones it says are new. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LoadedActivity, LoadedEntry } from '../../viewer/owner/src/activity/activity-book.ts';
import { TripwireWatch } from '../../viewer/owner/src/activity/tripwire-watch.ts';
import type { Change } from '../../viewer/owner/src/device/device-events.ts';

const minute = 60_000;
let page: EventTarget;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_796_000_000_000 });
  page = new EventTarget();
  vi.stubGlobal('document', page);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const tripwire = (id: string) => ({ kind: 'tripwire', id, time: new Date() }) as LoadedEntry;
const use = (id: string) => ({ kind: 'use', id, time: new Date() }) as LoadedEntry;
const loadedOf = (entries: readonly LoadedEntry[]): LoadedActivity => ({ loaded: 0, entries, unverified: 0 });

async function watching(entries: readonly LoadedEntry[], notes = new Map<string, unknown>()) {
  const state = { entries, looks: 0, mayLook: true, fails: false, emitted: [] as Change[] };
  const listeners = new Set<(change: Change) => void>();
  const load = async () => {
    state.looks++;
    return state.fails ? await Promise.reject(new Error('offline')) : loadedOf(state.entries);
  };
  const events = {
    subscribe: (listener: (change: Change) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit: (change: Change) => {
      if (change !== 'wake') state.emitted.push(change);
      for (const listener of listeners) listener(change);
    },
  };
  const store = {
    get: async <T>(name: string) => notes.get(name) as T | undefined,
    put: async (name: string, note: unknown) => void notes.set(name, note),
  };
  const watch = new TripwireWatch({ load }, events, store, () => state.mayLook);
  watch.begin();
  await vi.advanceTimersByTimeAsync(0);
  return { watch, state, notes, wake: () => events.emit('wake'), listeners };
}

test('the page that opens says how many tripwires are new, and uses are none', async () => {
  const { watch, state } = await watching([tripwire('c'), use('b'), tripwire('a')]);
  expect([watch.unseen, state.emitted]).toEqual([2, ['tripwires']]);
});

test('what was shown is not new any more, also after the page was opened again', async () => {
  const { watch, state, notes } = await watching([tripwire('c'), tripwire('a')]);
  await watch.markSeen(loadedOf(state.entries));
  expect([watch.unseen, state.emitted.length]).toEqual([0, 2]);
  await watch.markSeen(loadedOf(state.entries));
  await watch.markSeen(loadedOf([tripwire('a')]));
  expect(state.emitted).toHaveLength(2);
  expect((await watching([tripwire('c'), tripwire('a')], notes)).watch.unseen).toBe(0);
  expect((await watching([tripwire('d'), tripwire('c')], notes)).watch.unseen).toBe(1);
});

test('a wake and a page that is shown are followed by a look, at most once a minute, and none is lost', async () => {
  const { watch, state, wake } = await watching([]);
  state.entries = [tripwire('e')];
  for (let times = 0; times < 10; times++) wake();
  page.dispatchEvent(new Event('visibilitychange'));
  await vi.advanceTimersByTimeAsync(minute - 1);
  expect([state.looks, watch.unseen]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(1);
  expect([state.looks, watch.unseen]).toEqual([2, 1]);
  await vi.advanceTimersByTimeAsync(10 * minute);
  expect(state.looks).toBe(2);
  page.dispatchEvent(new Event('visibilitychange'));
  await vi.advanceTimersByTimeAsync(0);
  expect(state.looks).toBe(3);
});

test('a hidden page, and a device that may not approve, do not look; a look that fails changes nothing', async () => {
  const { watch, state, wake, listeners } = await watching([tripwire('a')]);
  state.mayLook = false;
  await vi.advanceTimersByTimeAsync(minute);
  wake();
  await vi.advanceTimersByTimeAsync(2 * minute);
  expect(state.looks).toBe(1);
  Object.assign(state, { mayLook: true, fails: true });
  wake();
  await vi.advanceTimersByTimeAsync(0);
  expect([state.looks, watch.unseen]).toEqual([2, 1]);
  wake();
  watch.end();
  await vi.advanceTimersByTimeAsync(2 * minute);
  expect([state.looks, listeners.size]).toEqual([2, 0]);
});
