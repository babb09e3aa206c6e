/** Bounds the answers to one sender, so that two machines that answer each other stop. */
import { limits } from '../../contract/shared/limits.ts';
import type { AttemptStore } from '../shared/attempt-ports.ts';

const windowSeconds = 3_600;

export class AnswerLimits {
  readonly #store: Pick<AttemptStore, 'countAttempt'>;

  constructor(store: Pick<AttemptStore, 'countAttempt'>) {
    this.#store = store;
  }

  /**
   * Counts an answer to a sender. `exceeded-first` is returned once per hour, so that the sender can be told.
   * @param locator of the sender's identity
   */
  async count(org: string, locator: string, now: Date): Promise<'allowed' | 'exceeded-first' | 'exceeded'> {
    const limit = { attempts: limits.answersPerHour, windowSeconds };
    if ((await this.#store.countAttempt(org, `answers/${locator}`, limit, now)) === 0) return 'allowed';
    const notices = { attempts: 1, windowSeconds };
    const isFirst = (await this.#store.countAttempt(org, `answers-notice/${locator}`, notices, now)) === 0;
    return isFirst ? 'exceeded-first' : 'exceeded';
  }
}
