import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { isOfLogs, metricsOfAlarm, operationsAlarms } from './alarm-metrics.ts';
import { matchesFilter, selectField } from './filter-pattern.ts';
import {
  appForTest,
  entries,
  functionOf,
  ofType,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';
import { writtenLogLines } from './written-log-lines.ts';

interface Filter {
  readonly logGroup: string;
  readonly pattern: string;
  readonly name: string;
  readonly value: string;
  readonly dimensions: readonly { readonly Key: string; readonly Value: string }[];
}

const faultMetricOf = (entry: string): string =>
  `${entry.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Faults`;
/** The lines of this test belong to no log group, so that each filter counts them. */
const faultMetrics = entries.filter((entry) => !/workflow$|^responder$/.test(entry)).map(faultMetricOf);

let template: Synthesized;
let filters: Filter[];
let lines: Readonly<Record<string, readonly object[]>>;

beforeAll(async () => {
  template = synthesize(appForTest({ responder: 'sample' }));
  filters = ofType(template, 'AWS::Logs::MetricFilter').map(([, { Properties }]) => {
    const [transformation] = Properties.MetricTransformations as {
      MetricName: string;
      MetricValue: string;
      Dimensions?: Filter['dimensions'];
    }[];
    if (transformation === undefined) throw new Error('a filter without a metric');
    const { MetricName: name, MetricValue: value, Dimensions: dimensions = [] } = transformation;
    return {
      logGroup: target(Properties.LogGroupName),
      pattern: String(Properties.FilterPattern),
      name,
      value,
      dimensions,
    };
  });
  lines = await writtenLogLines();
});

/** The metrics that a line counts in: name, dimensions and value. */
const metricsOf = (line: object): string[] => [
  ...new Set(
    filters
      .filter(({ pattern }) => matchesFilter(pattern, line))
      .map(({ name, dimensions, value }) => {
        const parts = dimensions.map(({ Key, Value }) => `${Key}=${String(selectField(line, Value))}`);
        const number = value.startsWith('$.') ? selectField(line, value) : Number(value);
        expect(number, name).toBeTypeOf('number');
        return [name, ...parts].join(' ');
      }),
  ),
];

describe('the lines that functions write count in the metrics of alarms', () => {
  test.each([
    ['ok', []],
    ['kmsDenied', ['FailedDependencies Dependency=kms_denied']],
    ['kmsDisabled', ['FailedDependencies Dependency=kms_denied']],
    ['kmsThrottled', ['FailedDependencies Dependency=kms_throttled']],
    ['kmsUnavailable', ['FailedDependencies Dependency=kms_unavailable']],
    ['fault', faultMetrics],
    ['jobFault', faultMetrics],
    ['auditWriteFailed', ['FailedDependencies Dependency=audit_write']],
    ['tripwire', ['Tripwires']],
    ['unanswered', ['UnfinishedJobs']],
    ['undeleted', ['UnfinishedJobs']],
    ['audit_head_conflict', ['AuditHeadConflicts']],
    ['sealed', ['SealLag']],
  ])('%s: %j', (situation, metrics) => {
    const written = lines[situation] ?? [];
    expect(written).toHaveLength(1);
    expect(written.flatMap(metricsOf).sort()).toEqual([...metrics].sort());
    // The message of an error of AWS can contain data.
    expect(JSON.stringify(written)).not.toContain('secret');
  });

  test('and no alarm watches a metric of logs that no line counts in', () => {
    const counted = new Set(Object.values(lines).flat().flatMap(metricsOf));
    const watched = operationsAlarms(template)
      .flatMap(metricsOfAlarm)
      .filter(isOfLogs)
      .map(({ name, dimensions }) => [name, ...dimensions.map((dimension) => dimension.join('='))].join(' '));
    expect(watched).toHaveLength(7 + faultMetrics.length);
    for (const metric of watched) expect(counted).toContain(metric);
  });
});

test('the page about quotas names the error that callers get when KMS throttles', () => {
  const quotas = readFileSync(new URL('../../docs/quotas.md', import.meta.url), 'utf8');
  const rows = quotas.split('\n').filter((line) => line.startsWith('| KMS: cryptographic operations'));
  expect(rows).toHaveLength(1);
  const codes = (lines.kmsThrottled ?? []).map((line) => Object(line).code);
  expect(rows[0]).toContain(`| \`${codes[0]}\`, the alarm \`kms-throttled\``);
});

test('every function that writes the request log has the filters of failed dependencies and of unexpected errors', () => {
  const logOf = (entry: (typeof entries)[number]) => target(functionOf(template, entry)[1].Properties.LoggingConfig);
  // Workflows and the responder write no request log.
  const logging = entries.filter((entry) => !/workflow$|^responder$/.test(entry));
  const filtered = filters.filter(({ name }) => name === 'FailedDependencies').map(({ logGroup }) => logGroup);
  expect(filtered.sort()).toEqual(logging.map(logOf).sort());
  // Each function has its own metric, because an error of one must not roll back another.
  const faults = filters.filter(({ name }) => name.endsWith('Faults'));
  expect(faults.map(({ name, logGroup }) => `${name} ${logGroup}`).sort()).toEqual(
    logging.map((entry) => `${faultMetricOf(entry)} ${logOf(entry)}`).sort(),
  );
  const others = filters.filter(({ name }) => name !== 'FailedDependencies' && !name.endsWith('Faults'));
  expect(others.map(({ name, logGroup }) => `${name} ${logGroup}`).sort()).toEqual(
    [
      `AuditHeadConflicts ${logOf('sealer')}`,
      `SealLag ${logOf('sealer')}`,
      `Tripwires ${logOf('reader')}`,
      `Tripwires ${logOf('broker')}`,
      `UnfinishedJobs ${logOf('worker')}`,
    ].sort(),
  );
});

test('all metrics of logs are in the namespace of the deployment', () => {
  const namespaces = ofType(template, 'AWS::Logs::MetricFilter').map(
    ([, { Properties }]) => (Properties.MetricTransformations as { MetricNamespace: string }[])[0]?.MetricNamespace,
  );
  expect(new Set(namespaces)).toEqual(new Set(['AnimaVault/anima-vault-dev']));
});
