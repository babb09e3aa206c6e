/**
 * EventBridge rules on one machine: each invokes its functions at its rate, the first time when the emulator has run for one
 * period. The event is that of the EventBridge user guide, "Creating a scheduled rule", as far as it means something here.
 */
import { randomUUID } from 'node:crypto';
import type { ScheduleSpec } from '../cloudformation/deployment-spec.ts';
import { account, arn } from '../shared/aws-account.ts';

/** A function that can be invoked with an event as JSON, by logical id. Never throws: what goes wrong is in its log. */
type Functions = ReadonlyMap<string, { invoke(event: string): Promise<unknown> }>;

/** Starts the rules; what it returns stops them. */
export function startScheduledRules(schedules: readonly ScheduleSpec[], functions: Functions): () => void {
  const timers = schedules.map(({ logicalId, everyMs, targets }) => {
    const invokeAll = () => {
      for (const target of targets) void functions.get(target.logicalId)?.invoke(scheduledEvent(logicalId));
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
