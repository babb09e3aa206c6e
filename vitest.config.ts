import { configDefaults, defineConfig } from 'vitest/config';

/** Test files with a run of their own, so that `npm test` ends within five minutes. */
const suites = {
  cli: ['test/{cli,mcp,docs}/**/*.test.ts'],
  custody: [
    'test/{users,memory,channels,conversations,explain}/**/*.test.ts',
    'test/security/user-custody/**/*.test.ts',
  ],
  blobs: ['test/blobs/**/*.e2e.test.ts', 'test/link-page/**/*.test.ts'],
};

const suite = (name: string, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  test: { name, include, exclude: [...configDefaults.exclude, ...exclude] },
});

/** One project per suite: `npx vitest run FILE` finds a file in whichever suite it lies. */
export default defineConfig({
  test: {
    projects: [
      suite('main', ['test/**/*.test.ts'], Object.values(suites).flat()),
      ...Object.entries(suites).map(([name, include]) => suite(name, include)),
      {
        extends: true,
        // These take minutes, much memory or much disk: one at a time, after all others.
        test: {
          name: 'large',
          include: ['test/**/*.large.ts'],
          maxWorkers: 1,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    // More than cores: end-to-end tests spend half of their time waiting, for drains, time-outs and processes.
    maxWorkers: 4,
    // This guards against hanging, not against slowness. On a busy machine, 1,000 requests beside three other files take half a minute.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The default of one second is not enough on a busy machine.
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
