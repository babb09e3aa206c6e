import { describe, expect, it } from 'vitest';
import { PromiseCache } from '../../lambdas/shared/promise-cache.ts';

describe('a cache of results', () => {
  const setUp = (maxEntries = 10, ttlMs = 1000) => {
    let now = 0;
    const loads: string[] = [];
    const cache = new PromiseCache<string>(maxEntries, { ttlMs, clock: () => new Date(now) });
    const get = (key: string) =>
      cache.get(key, async () => {
        loads.push(key);
        return `${key} at ${now}`;
      });
    return {
      cache,
      get,
      loads,
      advance: (ms: number) => {
        now += ms;
      },
    };
  };

  it('shares one load between concurrent and later calls', async () => {
    const { get, loads } = setUp();
    expect(await Promise.all([get('a'), get('a')])).toEqual(['a at 0', 'a at 0']);
    expect(await get('a')).toBe('a at 0');
    expect(loads).toEqual(['a']);
  });

  it('loads again after the lifetime, which counts from before the load', async () => {
    const { get, advance } = setUp();
    await get('a');
    advance(999);
    expect(await get('a')).toBe('a at 0');
    advance(1);
    expect(await get('a')).toBe('a at 1000');
  });

  it('keeps results without a lifetime', async () => {
    const cache = new PromiseCache<number>(1);
    expect(await cache.get('a', async () => 1)).toBe(1);
    expect(await cache.get('a', async () => 2)).toBe(1);
  });

  it('removes the oldest result for one more', async () => {
    const { get, loads } = setUp(2);
    for (const key of ['a', 'b', 'c', 'b', 'c', 'a']) await get(key);
    expect(loads).toEqual(['a', 'b', 'c', 'a']);
  });

  it('does not keep a failure', async () => {
    const { cache, get } = setUp();
    await expect(cache.get('a', () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(await get('a')).toBe('a at 0');
  });

  it('keeps a result that was set while an earlier load failed', async () => {
    const { cache, get, loads } = setUp();
    const failing = Promise.withResolvers<string>();
    const first = cache.get('a', () => failing.promise);
    cache.set('a', 'set');
    failing.reject(new Error('late'));
    await expect(first).rejects.toThrow('late');
    expect(await get('a')).toBe('set');
    expect(loads).toEqual([]);
  });

  it('removes the results of a prefix', async () => {
    const { cache, get, loads } = setUp();
    for (const key of ['a 1', 'a 2', 'b 1']) await get(key);
    cache.removePrefix('a ');
    for (const key of ['a 1', 'a 2', 'b 1']) await get(key);
    expect(loads).toEqual(['a 1', 'a 2', 'b 1', 'a 1', 'a 2']);
  });
});
