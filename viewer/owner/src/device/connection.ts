/**
 * Whether the service can be reached, and when it asks the device to look: from the requests and sockets of the device, so
 * nothing more is sent.
 */
import { readFrame } from '../../../../sdk/src/session/live/frames.ts';
import type { Fetch } from '../../../../sdk/src/shared/client-options.ts';

/** `live`: messages arrive at once. `polling`: they are asked for. */
export type ConnectionState = 'live' | 'polling' | 'offline';

export class Connection {
  #isReached = true;
  #openSockets = 0;
  readonly #onChange: () => void;
  readonly #onWake: () => void;

  constructor(onChange: () => void, onWake: () => void) {
    this.#onChange = onChange;
    this.#onWake = onWake;
    addEventListener('offline', () => this.#set(false));
    addEventListener('online', () => this.#set(true));
  }

  get state(): ConnectionState {
    if (!this.#isReached) return 'offline';
    return this.#openSockets > 0 ? 'live' : 'polling';
  }

  /** For the SDK. */
  readonly fetch: Fetch = async (input, init) => {
    try {
      const answer = await fetch(input, init);
      this.#set(true);
      return answer;
    } catch (error) {
      // A request that the page itself ended says nothing.
      if (!(error instanceof DOMException && error.name === 'AbortError')) this.#set(false);
      throw error;
    }
  };

  /** For the SDK. */
  get socket(): typeof WebSocket {
    const count = (change: number) => {
      this.#openSockets += change;
      this.#onChange();
    };
    const onWake = this.#onWake;
    return class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        let isOpen = false;
        this.addEventListener('open', () => {
          isOpen = true;
          count(1);
        });
        this.addEventListener('message', ({ data }) => {
          if (readFrame(data)?.type === 'wake') onWake();
        });
        this.addEventListener('close', () => {
          if (isOpen) count(-1);
          isOpen = false;
        });
      }
    };
  }

  #set(isReached: boolean): void {
    if (isReached === this.#isReached) return;
    this.#isReached = isReached;
    this.#onChange();
  }
}
