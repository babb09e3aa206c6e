/** Lets many shared sections run at the same time, or one exclusive section alone. */
export class ExclusiveSections {
  #shared = 0;
  #exclusive: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  /** A shared section must not start another one: it would wait forever if an exclusive section waits in between. */
  async shared<T>(run: () => Promise<T>): Promise<T> {
    while (this.#exclusive !== undefined) await this.#exclusive;
    this.#shared += 1;
    try {
      return await run();
    } finally {
      this.#shared -= 1;
      if (this.#shared === 0) this.#onIdle?.();
    }
  }

  /** Waits for running sections, and makes new ones wait. */
  async exclusive<T>(run: () => Promise<T>): Promise<T> {
    while (this.#exclusive !== undefined) await this.#exclusive;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exclusive = promise;
    try {
      if (this.#shared > 0) await new Promise<void>((idle) => (this.#onIdle = idle));
      return await run();
    } finally {
      this.#onIdle = undefined;
      this.#exclusive = undefined;
      resolve();
    }
  }
}
