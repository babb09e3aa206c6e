/**
 * The values that one server has used so far. A response may contain values that earlier requests sent to the same
 * host.
 */
import { ResponseRedactor } from './response-redaction.ts';

/** Maximum number of remembered values, and of their characters in total. The oldest are dropped first. */
const maxValues = 200;
const maxCharacters = 16_384;

export class UsedValueHistory {
  readonly #values = new Set<string>();
  #redactor: ResponseRedactor | undefined;

  /** Remembers values that are about to be used. @returns a redactor for these and all remembered values */
  remember(values: readonly string[]): ResponseRedactor {
    for (const value of values) {
      if (!this.#values.has(value)) this.#redactor = undefined;
      // Moves the newest value to the end.
      this.#values.delete(value);
      this.#values.add(value);
    }
    this.#forgetOldest(values.length);
    this.#redactor ??= new ResponseRedactor(this.#values);
    return this.#redactor;
  }

  /** Drops values beyond the limits, but never the newest `keep`. */
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
