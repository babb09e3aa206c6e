/**
 * An emulator of EventBridge rules. Each rule invokes its functions at its rate, first after one period. The event has
 * the fields of the EventBridge user guide, "Creating a scheduled rule", that have a meaning here.
 */
import { randomUUID } from 'node:crypto';
import type { ScheduleSpec } from '../cloudformation/deployment-spec.ts';
import { account, arn } from '../shared/aws-account.ts';

/** Invokes functions by their ARN with an event as JSON. `invoke` never throws; errors are in the function's log. */
type Functions = { invoke(functionArn: string, event: string): Promise<unknown> };

/** Starts the rules and returns a function that stops them. */
export function startScheduledRules(schedules: readonly ScheduleSpec[], functions: Functions): () => void {
  const timers = schedules.map(({ logicalId, everyMs, targets }) => {
    const invokeAll = () => {
      for (const { targetArn } of targets) void functions.invoke(targetArn, scheduledEvent(logicalId));
    };
    return setInterval(invokeAll, everyMs).unref();
  });
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

const scheduledEvent = (rule: string): string =>
  JSON.stringify({
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: account.id,
    time: new Date().toISOString(),
    region: account.region,
    resources: [arn('events', `rule/${rule}`)],
    detail: {},
  });
