import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    pool: 'forks',
    // More than cores: end-to-end tests spend half of their time waiting, for drains, time-outs and processes.
    maxWorkers: 4,
    // Against hanging, not against slowness: beside three others, on a busy machine, 1,000 requests take half a minute.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A run that found no tests proves nothing.
    passWithNoTests: false,
    allowOnly: false,
    coverage: {
      provider: 'v8',
      include: ['core/**/*.ts', 'contract/**/*.ts', 'lambdas/**/*.ts', 'sdk/src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
