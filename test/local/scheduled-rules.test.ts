import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FunctionSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { startScheduledRules } from '../../local/aws/eventbridge/scheduled-rules.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const events: unknown[] = [];
const functions = { invoke: async (arn: string, event: string) => void events.push({ arn, ...JSON.parse(event) }) };
const targets = [{ function: {} as FunctionSpec, targetArn: 'arn:aws:lambda:sealer:live' }];

test('a schedule invokes its function at its rate with an event of EventBridge, until it is stopped', () => {
  const stop = startScheduledRules([{ logicalId: 'Every', everyMs: 300_000, targets }], functions);
  vi.advanceTimersByTime(299_999);
  expect(events).toEqual([]);
  vi.advanceTimersByTime(600_001);
  expect(events).toHaveLength(3);
  expect(events[0]).toMatchObject({
    arn: 'arn:aws:lambda:sealer:live',
    source: 'aws.events',
    'detail-type': 'Scheduled Event',
    detail: {},
  });
  stop();
  vi.advanceTimersByTime(3_600_000);
  expect(events).toHaveLength(3);
});
