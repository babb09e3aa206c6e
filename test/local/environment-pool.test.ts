import { describe, expect, test, vi } from 'vitest';
import { EnvironmentPool, type Pooled } from '../../local/aws/lambda/environment-pool.ts';
import { EnvironmentShare } from '../../local/aws/lambda/environment-share.ts';

/** An environment that can only be ended. */
class Fake implements Pooled {
  static readonly started: Fake[] = [];
  usable = true;
  readonly ended: Promise<void>;
  #end: () => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    Fake.started.push(this);
  }

  async terminate(): Promise<void> {
    this.usable = false;
    this.#end();
  }
}

/** Functions `a`, `b` and so on that share a pool, each with at most three environments. */
function functions(most: number, idleMs = 60_000) {
  Fake.started.length = 0;
  const pool = new EnvironmentPool<Fake>({ maxEnvironments: most, idleMs });
  const share = () => new EnvironmentShare<Fake>(pool, 3, () => new Fake());
  return { pool, a: share(), b: share(), c: share() };
}

const living = () => Fake.started.filter(({ usable }) => usable).length;

describe('environments of functions', () => {
  test('are used again, the last one first', async () => {
    const { a, pool } = functions(10);
    const [one, two] = [await a.acquire(), await a.acquire()];
    a.release(one);
    a.release(two);
    expect(await a.acquire()).toBe(two);
    expect(await a.acquire()).toBe(one);
    expect(Fake.started).toHaveLength(2);
    await pool.close();
  });

  test('that are busy can be ended one at a time, as if their machine failed', async () => {
    const { a, pool } = functions(10);
    const [one, two] = [await a.acquire(), await a.acquire()];
    a.release(one);
    expect(await pool.crashBusy((environment) => environment !== two)).toBe(false);
    expect(await pool.crashBusy(() => true)).toBe(true);
    expect([one.usable, two.usable]).toEqual([true, false]);
    expect(await pool.crashBusy(() => true)).toBe(false);
    await pool.close();
  });

  test('that were idle for longest end when there are too many', async () => {
    const { a, b, c, pool } = functions(2);
    const [first, second] = [await a.acquire(), await b.acquire()];
    a.release(first);
    b.release(second);
    c.release(await c.acquire());
    expect([first.usable, second.usable, living()]).toEqual([false, true, 2]);
    await pool.close();
  });

  test('that are busy never end: there may be more for a while', async () => {
    const { a, b, c, pool } = functions(2);
    const busy = await Promise.all([a, b, c].map((share) => share.acquire()));
    expect(living()).toBe(3);
    for (const [i, share] of [a, b, c].entries()) share.release(busy[i] ?? expect.fail());
    expect(living()).toBe(2);
    await pool.close();
  });

  test('are waited for rather than started at the expense of others, and not for ever', async () => {
    const { a, b, pool } = functions(2);
    const [one, other] = [await a.acquire(), await b.acquire()];
    const next = a.acquire();
    a.release(one);
    expect(await next).toBe(one);
    // The environment may be used by the caller of this function. It would then never be released.
    expect(await a.acquire()).not.toBe(one);
    expect([one.usable, other.usable, living()]).toEqual([true, true, 3]);
    await pool.close();
  });

  test('are never more than a function may have at once', async () => {
    const { a, pool } = functions(10);
    const busy = await Promise.all([a.acquire(), a.acquire(), a.acquire()]);
    let fourth: Fake | undefined;
    void a.acquire().then((environment) => {
      fourth = environment;
    });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([fourth, Fake.started.length]).toEqual([undefined, 3]);
    const [given = expect.fail()] = busy;
    a.release(given);
    await expect.poll(() => fourth).toBe(given);
    await pool.close();
  });

  test('that broke are replaced, also for who waits', async () => {
    const { a, pool } = functions(1);
    const one = await a.acquire();
    const next = a.acquire();
    await one.terminate();
    a.release(one);
    expect((await next).usable).toBe(true);
    await pool.close();
  });

  test('end when nobody used them for a while', async () => {
    vi.useFakeTimers();
    try {
      const { a, b, pool } = functions(10, 1_000);
      a.release(await a.acquire());
      vi.advanceTimersByTime(600);
      b.release(await b.acquire());
      vi.advanceTimersByTime(500);
      expect(Fake.started.map(({ usable }) => usable)).toEqual([false, true]);
      vi.advanceTimersByTime(600);
      expect(living()).toBe(0);
      await pool.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test('end with their pool, busy ones too', async () => {
    const { a, b, pool } = functions(10);
    a.release(await a.acquire());
    await b.acquire();
    await pool.close();
    expect(living()).toBe(0);
  });
});
