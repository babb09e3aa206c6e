/** The values that one server has used so far: an answer may repeat what an earlier request left at its host. */
import { ResponseRedactor } from './response-redaction.ts';

/** Values that are remembered, and their characters together; the oldest are forgotten first. */
const maxValues = 200;
const maxCharacters = 16_384;

export class UsedValueHistory {
  readonly #values = new Set<string>();
  #redactor: ResponseRedactor | undefined;

  /** Remembers values that are about to be used. @returns what takes them and all before them out of an answer */
  remember(values: readonly string[]): ResponseRedactor {
    for (const value of values) {
      if (!this.#values.has(value)) this.#redactor = undefined;
      // The newest at the end.
      this.#values.delete(value);
      this.#values.add(value);
    }
    this.#forgetOldest(values.length);
    this.#redactor ??= new ResponseRedactor(this.#values);
    return this.#redactor;
  }

  /** Forgets what is too much, never the newest `keep`. */
  #forgetOldest(keep: number): void {
    let characters = [...this.#values].reduce((sum, value) => sum + value.length, 0);
    for (const value of this.#values) {
      const over = this.#values.size > maxValues || characters > maxCharacters;
      if (!over || this.#values.size <= keep) return;
      this.#values.delete(value);
      characters -= value.length;
    }
  }
}
