import { ToolRefusal } from './tool-refusal.ts';

/** Counts the uses of values by this server, for `allowed_per_minute`. Other servers count separately. */
export class UseCounter {
  #minute = 0;
  readonly #uses = new Map<string, number>();

  /** @throws ToolRefusal if the value was used `limit` times in this minute */
  count(name: string, limit: number, nowMs: number): void {
    const minute = Math.floor(nowMs / 60_000);
    if (minute !== this.#minute) this.#uses.clear();
    this.#minute = minute;
    const uses = this.#uses.get(name) ?? 0;
    if (uses >= limit)
      throw new ToolRefusal(`${name} is allowed ${limit} times in each minute. Wait until the next one`);
    this.#uses.set(name, uses + 1);
  }
}
