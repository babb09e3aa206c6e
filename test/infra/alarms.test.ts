import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { isOfLogs, metricsOfAlarm, operationsAlarms, type UsedMetric } from './alarm-metrics.ts';
import { isKnownMetric } from './known-metrics.ts';
import {
  appForTest,
  entries,
  functionOf,
  ofType,
  only,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';

const guide = readFileSync(new URL('../../docs/guide-operator.md', import.meta.url), 'utf8');
const topic = 'arn:aws:sns:eu-central-1:123456789012:alarms';

let template: Synthesized;
beforeAll(() => {
  template = synthesize(appForTest({ responder: 'sample', alarmTopicArn: topic, monthlyBudgetUsd: 50 }));
});

const alarms = () => operationsAlarms(template);

/** `[namespace, name, dimension, value, …, options]` of each line of each graph. */
const metricsOfDashboard = (): UsedMetric[] => {
  const body = only(template, 'AWS::CloudWatch::Dashboard')[1].Properties.DashboardBody;
  const parts: unknown[] = Object(body)['Fn::Join'][1];
  const { widgets } = JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'reference')).join(''));
  return widgets
    .flatMap(({ properties }: { properties: { metrics: unknown[][] } }) => properties.metrics)
    .map((line: unknown[]) => {
      const texts = line.filter((part): part is string => typeof part === 'string');
      const [namespace = '', name = '', ...rest] = texts;
      return {
        namespace,
        name,
        dimensions: rest.flatMap((part, at) => (at % 2 === 0 ? [[part, rest[at + 1]] as const] : [])),
      };
    });
};

describe('alarms', () => {
  test('watch metrics that AWS writes, by the dimensions with which it writes them', () => {
    const used = alarms()
      .flatMap(metricsOfAlarm)
      .filter((metric) => !isOfLogs(metric));
    expect(used.length).toBeGreaterThan(50);
    for (const metric of used) {
      expect(metric).toSatisfy(() => isKnownMetric(metric));
    }
  });

  test('have at most ten metrics, as CloudWatch allows', () => {
    for (const alarm of alarms()) expect(metricsOfAlarm(alarm).length).toBeLessThanOrEqual(10);
  });

  test('are named after the deployment, and say what happened and where the guide says what to do', () => {
    const names = alarms().map(({ AlarmName }) => String(AlarmName));
    expect(new Set(names).size).toBe(names.length);
    for (const { AlarmName, AlarmDescription } of alarms()) {
      expect(AlarmName).toMatch(/^anima-vault-dev-[a-z0-9-]+$/);
      expect(String(AlarmDescription).length).toBeLessThanOrEqual(1024);
      const [, anchor] =
        /^\S.{20,}\. What to do: docs\/guide-operator\.md#(alarm-[a-z0-9-]+)$/.exec(String(AlarmDescription)) ?? [];
      expect(guide, String(AlarmName)).toContain(`<a id="${anchor}"></a>`);
    }
  });

  test('notify the topic of the settings when they go off and when they end', () => {
    for (const alarm of alarms()) expect(alarm).toMatchObject({ AlarmActions: [topic], OKActions: [topic] });
  });

  test('exist for each of these', () => {
    const names = alarms().map(({ AlarmName }) => String(AlarmName).replace('anima-vault-dev-', ''));
    const throttles = Array.from({ length: Math.ceil(entries.length / 10) }, (_, at) => `throttles-${at + 1}`);
    expect(names.sort()).toEqual(
      [
        ...entries.map((entry) => `${entry}-errors`),
        ...throttles,
        'rotation-workflow-failed',
        'shred-workflow-failed',
        'api-5xx',
        'audit-head-conflict',
        'audit-write-failed',
        'code-change-1',
        'code-change-2',
        'failed-invocations',
        'key-administration',
        'key-use',
        'kms-denied',
        'kms-throttled',
        'lost-invocations',
        'oldest-job',
        'role-use',
        'seal-lag',
        'tripwire',
        'unexpected-errors-1',
        'unexpected-errors-2',
        'unexpected-errors-3',
        'unfinished-jobs',
      ].sort(),
    );
  });

  test('take missing data for a failure only if the sealer is silent', () => {
    const breaching = alarms().filter(({ TreatMissingData }) => TreatMissingData !== 'notBreaching');
    expect(breaching.map(({ AlarmName, TreatMissingData }) => [AlarmName, TreatMissingData])).toEqual([
      ['anima-vault-dev-seal-lag', 'breaching'],
    ]);
  });
});

test('the dashboard shows metrics that AWS writes, and the metrics of logs that alarms watch', () => {
  const used = metricsOfDashboard();
  expect(used.length).toBeGreaterThan(100);
  const watched = alarms()
    .flatMap(metricsOfAlarm)
    .filter(isOfLogs)
    .map(({ name }) => name);
  for (const metric of used) {
    expect(metric).toSatisfy(() => (isOfLogs(metric) ? watched.includes(metric.name) : isKnownMetric(metric)));
  }
});

test('without a topic, no alarm has an action', () => {
  const silent = synthesize(appForTest());
  for (const [, { Properties }] of ofType(silent, 'AWS::CloudWatch::Alarm'))
    expect(Properties).not.toHaveProperty('AlarmActions');
});

test('events of failed asynchronous invocations are kept for 14 days, encrypted, for each function that has them', () => {
  const [id, queue] = ofType(template, 'AWS::SQS::Queue').find(([one]) => one.startsWith('Failures')) ?? expect.fail();
  expect(queue.Properties).toMatchObject({ MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true });
  const caught = entries.filter((entry) => 'DeadLetterConfig' in functionOf(template, entry)[1].Properties);
  expect(caught.sort()).toEqual(['rotation-workflow', 'sealer', 'shred-workflow']);
  for (const entry of caught) expect(target(functionOf(template, entry)[1].Properties.DeadLetterConfig)).toBe(id);
  const scheduled = ofType(template, 'AWS::Events::Rule').filter(([, rule]) => 'ScheduleExpression' in rule.Properties);
  for (const [, rule] of scheduled)
    expect(rule.Properties.Targets).toMatchObject([{ DeadLetterConfig: { Arn: { 'Fn::GetAtt': [id, 'Arn'] } } }]);
});

test('the budget is for the tag of the deployment, and notifies before it is exceeded', () => {
  const { Budget, NotificationsWithSubscribers } = only(template, 'AWS::Budgets::Budget')[1].Properties;
  expect(Budget).toMatchObject({
    BudgetLimit: { Amount: 50, Unit: 'USD' },
    CostFilters: { TagKeyValue: ['user:anima:deployment$anima-vault-dev'] },
  });
  const notified = NotificationsWithSubscribers as { Notification: { Threshold: number }; Subscribers: object[] }[];
  expect(notified.map(({ Notification }) => Notification.Threshold)).toEqual([80, 100, 100]);
  for (const { Subscribers } of notified) expect(Subscribers).toEqual([{ SubscriptionType: 'SNS', Address: topic }]);
});
