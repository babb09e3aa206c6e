/** The values that one server has used so far: an answer may repeat what an earlier request left at its host. */
import { Echoes } from './response-redaction.ts';

/** Values that are remembered, and their characters together; the oldest are forgotten first. */
const mostValues = 200;
const mostCharacters = 16_384;

export class UsedValues {
  readonly #values = new Set<string>();
  #echoes: Echoes | undefined;

  /** Remembers values that are about to be used. @returns what takes them and all before them out of an answer */
  add(values: readonly string[]): Echoes {
    for (const value of values) {
      if (!this.#values.has(value)) this.#echoes = undefined;
      // The newest at the end.
      this.#values.delete(value);
      this.#values.add(value);
    }
    this.#forget(values.length);
    this.#echoes ??= new Echoes(this.#values);
    return this.#echoes;
  }

  /** Forgets what is too much, never the newest `keep`. */
  #forget(keep: number): void {
    let characters = [...this.#values].reduce((sum, value) => sum + value.length, 0);
    for (const value of this.#values) {
      const over = this.#values.size > mostValues || characters > mostCharacters;
      if (!over || this.#values.size <= keep) return;
      this.#values.delete(value);
      characters -= value.length;
    }
  }
}
