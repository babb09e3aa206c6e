import { configDefaults, defineConfig } from 'vitest/config';

/** Tests with runs of their own (vitest.cli.config.ts, vitest.custody.config.ts, vitest.blobs.config.ts). */
export const command = 'test/{cli,mcp,docs}/**/*.test.ts';
export const custody = 'test/{users,memory,channels,conversations,custody}/**/*.test.ts';
export const blobs = 'test/{blobs,viewer}/**/*.test.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, command, custody, blobs],
    globalSetup: ['test/setup.ts'],
    pool: 'forks',
    // More than cores: end-to-end tests spend half of their time waiting, for drains, time-outs and processes.
    maxWorkers: 4,
    // Against hanging, not against slowness: beside three others, on a busy machine, 1,000 requests take half a minute.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What is waited for comes in its time: a second, as it is unless told, is not enough on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // A run that found no tests proves nothing.
    passWithNoTests: false,
    allowOnly: false,
    coverage: {
      provider: 'v8',
      include: ['core/**/*.ts', 'contract/**/*.ts', 'lambdas/**/*.ts', 'sdk/src/**/*.ts', 'cli/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
