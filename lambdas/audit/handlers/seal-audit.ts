import type { Context } from 'aws-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { type AuditSealService, parseSealEvent, type ScheduledSealRun } from '../audit-seal-service.ts';

/**
 * No new seal is started when less than this remains of the function's time, in milliseconds. One seal takes two store
 * calls and a signature.
 */
const sealTimeReserveMs = 6000;

/**
 * Not an HTTP route. The auditor invokes it with `{org}`; errors are then thrown. The schedule invokes it with its own
 * event; all orgs with new records are then sealed. An org that fails is logged. After all orgs are processed the
 * invocation fails, so that the error is visible and the run is retried.
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
