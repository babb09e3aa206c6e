/** How far the messages of this chat are: shown when it changes. */
import type { DeliveryState, SentMessage, SessionClient } from '../../../sdk/src/session/index.ts';
import type { ChatView } from './chat-view.ts';

/** Time between two looks at this machine's own store, milliseconds. */
const lookMs = 1_000;

const isFinal = (state: DeliveryState): boolean => state === 'read' || state === 'refused';

interface Mark {
  readonly number: number;
  state: DeliveryState;
}

export class SentMarks {
  readonly #client: SessionClient;
  readonly #view: ChatView;
  readonly #marks = new Map<string, Mark>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(client: SessionClient, view: ChatView) {
    this.#client = client;
    this.#view = view;
  }

  add({ id, state }: SentMessage): void {
    const number = this.#marks.size + 1;
    this.#marks.set(id, { number, state });
    this.#view.sent(number, id, state);
    this.#timer ??= setInterval(() => void this.#look().catch(() => undefined), lookMs).unref();
  }

  /** Whether the relay has all messages. */
  async areAllSent(): Promise<boolean> {
    await this.#look();
    return [...this.#marks.values()].every(({ state }) => state !== 'queued');
  }

  async #look(): Promise<void> {
    for (const [id, mark] of this.#marks) {
      if (isFinal(mark.state)) continue;
      const { state } = await this.#client.delivery(id);
      if (state === mark.state) continue;
      mark.state = state;
      this.#view.sent(mark.number, id, state);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
