/** Stands for `@mastra/core/storage` while Mastra is not installed. It has nothing that is tested. */

export abstract class MemoryStorage {}

export class MastraCompositeStore {
  readonly #domains: Readonly<Record<string, unknown>>;

  constructor({ domains }: { domains: Readonly<Record<string, unknown>> }) {
    this.#domains = domains;
  }

  async getStore(name: string): Promise<unknown> {
    return this.#domains[name];
  }
}
