/** Tests that run with node:crypto, and without it as in a browser. */
import { afterEach, beforeEach, describe } from 'vitest';

const original = process.getBuiltinModule;

/** Runs `work` with or without node:crypto. */
export function onPlatform<T>(platform: 'node:crypto' | 'portable code', work: () => T): T {
  Reflect.set(process, 'getBuiltinModule', platform === 'node:crypto' ? original : undefined);
  try {
    return work();
  } finally {
    process.getBuiltinModule = original;
  }
}

export function describeOnBothPlatforms(define: () => void): void {
  describe.each(['node:crypto', 'portable code'])('with %s', (platform) => {
    beforeEach(() => {
      if (platform !== 'node:crypto') Reflect.set(process, 'getBuiltinModule', undefined);
    });
    afterEach(() => {
      process.getBuiltinModule = original;
    });
    define();
  });
}
