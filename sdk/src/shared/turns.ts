/** Runs work one piece at a time, in the order in which it was given. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs after all earlier work has ended. A failure does not keep later work from running. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when all work that was given so far has ended. */
  async ended(): Promise<void> {
    await this.#last;
  }
}
