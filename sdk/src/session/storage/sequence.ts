/** Numbers that only rise: the order of items, and the counter of control messages. */
import type { Changes, SessionStore } from './session-store.ts';

interface Numbers {
  readonly item: number;
  readonly control: number;
}

const name = 'numbers';

export const numbered = (value: number): string => String(value).padStart(12, '0');

export class Sequence {
  #numbers: Numbers;

  private constructor(numbers: Numbers) {
    this.#numbers = numbers;
  }

  static async load(store: SessionStore): Promise<Sequence> {
    return new Sequence((await store.item<Numbers>(name)) ?? { item: 0, control: 0 });
  }

  /** The next number of an item as part of its name. It is stored with the same batch, or never used. */
  item(changes: Changes): string {
    this.#numbers = { ...this.#numbers, item: this.#numbers.item + 1 };
    changes.put(name, this.#numbers);
    return numbered(this.#numbers.item);
  }

  control(changes: Changes): number {
    this.#numbers = { ...this.#numbers, control: this.#numbers.control + 1 };
    changes.put(name, this.#numbers);
    return this.#numbers.control;
  }
}
