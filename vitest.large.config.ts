import { defineConfig } from 'vitest/config';

/** What takes too long, or too much of the disk, to run with all other tests. */
export default defineConfig({
  test: {
    include: ['test/large/*.large.ts'],
    globalSetup: ['test/setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // What is waited for comes in its time: a second, as it is unless told, is not enough on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    passWithNoTests: false,
    allowOnly: false,
  },
});
