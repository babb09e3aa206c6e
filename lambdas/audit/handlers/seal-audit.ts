import type { Context } from 'aws-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { type AuditSealService, parseSealEvent, type ScheduledSealRun } from '../audit-seal-service.ts';

/** What is left of the function's time when it begins no other seal, milliseconds: one seal is two calls and a signature. */
const sealTimeReserveMs = 6000;

/**
 * Not a route: the auditor invokes it with `{org}`, and then it throws what went wrong; the schedule invokes it with an event
 * of its own, and then all orgs with new records are sealed. An org that fails is logged, and fails the invocation at its
 * end, so that it shows as an error of the function and is tried again.
 */
export const sealAudit =
  (log: WriteRequestLog, sealService: AuditSealService, scheduledRun: ScheduledSealRun) =>
  async (event: unknown, context: Context): Promise<void> => {
    const started = performance.now();
    const logResult = (status: number, more: { org?: string; fault?: string } = {}) =>
      log({
        requestId: context.awsRequestId,
        route: 'none',
        status,
        durationMs: Math.round(performance.now() - started),
        ...more,
      });
    const shouldStop = () => context.getRemainingTimeInMillis() < sealTimeReserveMs;
    const org = parseSealEvent(event);
    if (org !== undefined) {
      await sealService.seal(org, { sealEmptyRange: true, shouldStop });
      logResult(200, { org });
      return;
    }
    const failures = await scheduledRun.run(shouldStop);
    for (const failure of failures) logResult(500, { org: failure.org, fault: describeFault(failure.error) });
    if (failures.length > 0) throw new VaultError('internal');
    logResult(200);
  };
