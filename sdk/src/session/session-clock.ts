/** The time, and waiting. Tests replace it. */
import { delay } from '../http/retry.ts';
import type { CallSettings } from '../shared/client-options.ts';

export interface SessionClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** @throws AnimaError aborted */
  wait(ms: number, settings: Pick<CallSettings, 'signal' | 'outcomeHint'>): Promise<void>;
  /** Calls `wake` when the device probably slept, or the network returned. @returns ends this */
  onWake?(wake: () => void): () => void;
}

/** The part of a page or a window that tells about sleep and network. */
interface EventSource {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

const isEventSource = (value: unknown): value is EventSource =>
  typeof value === 'object' && value !== null && 'addEventListener' in value && 'removeEventListener' in value;

export const systemClock: SessionClock = {
  now: () => Date.now(),
  wait: delay,
  onWake: (wake) => {
    const document: unknown = Reflect.get(globalThis, 'document');
    const whenVisible = () => {
      if (Reflect.get(Object(document), 'visibilityState') === 'visible') wake();
    };
    const isWindow = isEventSource(globalThis);
    if (isWindow) globalThis.addEventListener('online', wake);
    if (isEventSource(document)) document.addEventListener('visibilitychange', whenVisible);
    return () => {
      if (isWindow) globalThis.removeEventListener('online', wake);
      if (isEventSource(document)) document.removeEventListener('visibilitychange', whenVisible);
    };
  },
};
