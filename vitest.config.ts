import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { mastraStorage } from './test/memory/mastra/mastra-installation.ts';

/** Test files that run separately, so that `npm test` ends within five minutes. */
const suites = {
  cli: ['test/{cli,egress,mcp,docs}/**/*.test.ts'],
  custody: [
    'test/{users,memory,channels,conversations,explain}/**/*.test.ts',
    'test/security/user-custody/**/*.test.ts',
  ],
  devices: ['test/devices/**/*.test.ts', 'test/sdk/device/**/*.test.ts'],
  sessions: [
    'test/sessions/**/*.test.ts',
    'test/core/{directory,sessions}/**/*.test.ts',
    'test/sdk/session/**/*.test.ts',
    'test/local/socket-*.test.ts',
  ],
  blobs: ['test/blobs/**/*.e2e.test.ts', 'test/{link,owner}-page/**/*.test.ts'],
  infra: ['test/{infra,aws}/**/*.test.ts'],
  // Long histories: keys that end, processes that crash, records that are put back.
  lifecycle: [
    'test/shredding/**/*.test.ts',
    'test/rotation/crash.e2e.test.ts',
    'test/audit/{audit-records.e2e,rewritten-audit.e2e,verifier}.test.ts',
    'test/local/pinned-workflows.e2e.test.ts',
  ],
  security: [
    'test/security/*.test.ts',
    'test/{approvals,broker,secret-requests}/**/*.test.ts',
    'test/http/openapi.e2e.test.ts',
    'test/values/{altered-items,tampering}.e2e.test.ts',
  ],
};

/** Files that take a minute or more. They start first, so that none of them runs alone at the end. */
const slowFiles = [
  'test/security/table-writer.e2e.test.ts',
  'test/sdk/session/order-model.test.ts',
  'test/sdk/session/session-crashes.test.ts',
  'test/http/openapi.e2e.test.ts',
  'test/security/session-permission-matrix.test.ts',
  'test/security/enforced-policies.e2e.test.ts',
  'test/values/altered-items.e2e.test.ts',
  'test/sessions/session-model.test.ts',
  'test/local/quick-start.e2e.test.ts',
  'test/audit/audit-records.e2e.test.ts',
  'test/audit/verifier.test.ts',
];

class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) => slowFiles.some((file) => moduleId.endsWith(file));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

/** Whether tables are in another engine than dynalite (npm run test:dynamodb-local). */
const externalTables = process.env.ANIMA_TEST_DYNAMODB_ENDPOINT !== undefined;
/** Concerns the files of dynalite. An option --exclude has no effect on projects. */
const dynaliteFiles = ['test/local/table-erasure.test.ts'];

const suite = (name: string, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  test: { name, include, exclude: [...configDefaults.exclude, ...exclude, ...(externalTables ? dynaliteFiles : [])] },
});

/** One project per suite, so that `npx vitest run FILE` finds a file in any suite. */
export default defineConfig({
  resolve: { alias: { '@mastra/core/storage': mastraStorage } },
  test: {
    projects: [
      suite('main', ['test/**/*.test.ts'], Object.values(suites).flat()),
      ...Object.entries(suites).map(([name, include]) => suite(name, include)),
      {
        extends: true,
        // These tests take minutes, much memory or much disk space. They run one at a time, after all others.
        test: {
          name: 'large',
          include: ['test/**/*.large.ts'],
          maxWorkers: 1,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Needs Python. It synthesizes by itself, and runs only if it is named (npm run test:deploy).
        test: {
          name: 'deploy',
          include: ['test/deploy/**/*.deploy.ts'],
          globalSetup: ['test/deploy/deploy-setup.ts'],
          pool: 'forks',
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
    sequence: { sequencer: SlowFilesFirst },
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    // More workers than cores, because end-to-end tests spend half of their time waiting for drains, time-outs and
    // processes.
    maxWorkers: 4,
    // Only a guard against tests that hang. On a busy machine, 1,000 requests take half a minute while three other
    // files run. DynamoDB Local (npm run test:dynamodb-local) is slower than dynalite.
    testTimeout: externalTables ? 600_000 : 300_000,
    hookTimeout: 400_000,
    // The default of one second is not enough on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // A run without tests must fail, because it proves nothing.
    passWithNoTests: false,
    allowOnly: false,
    coverage: {
      provider: 'v8',
      include: [
        'core/**/*.ts',
        'contract/**/*.ts',
        'lambdas/**/*.ts',
        'egress/**/*.ts',
        'sdk/src/**/*.ts',
        'cli/**/*.ts',
      ],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
