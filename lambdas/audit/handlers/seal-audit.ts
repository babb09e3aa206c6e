import type { Context } from 'aws-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import {
  describeFault,
  failedDependencyOf,
  type RequestLogEntry,
  type WriteRequestLog,
} from '../../middleware/request-log.ts';
import { AuditHeadConflict } from '../audit-heads.ts';
import { type AuditSealService, parseSealEvent } from '../audit-seal-service.ts';
import type { ScheduledSealRun } from '../scheduled-seal-run.ts';

/**
 * No new seal is started when less than this remains of the function's time, in milliseconds. One seal takes a few
 * store calls and a signature.
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
    const logResult = (
      status: number,
      more: Omit<RequestLogEntry, 'requestId' | 'route' | 'status' | 'durationMs'> = {},
    ) =>
      log({
        requestId: context.awsRequestId,
        route: 'none',
        status,
        durationMs: Math.round(performance.now() - started),
        ...more,
      });
    // There is an alarm for the reason. Every failure is also counted in the function's metric `Errors`.
    const logFailure = (failed: string, error: unknown) =>
      logResult(500, {
        org: failed,
        fault: describeFault(error),
        ...(error instanceof AuditHeadConflict ? { reason: 'audit_head_conflict' as const } : {}),
        ...failedDependencyOf(error),
      });
    const shouldStop = () => context.getRemainingTimeInMillis() < sealTimeReserveMs;
    const org = parseSealEvent(event);
    if (org !== undefined) {
      try {
        await sealService.seal(org, { sealEmptyRange: true, shouldStop });
      } catch (error) {
        logFailure(org, error);
        throw error;
      }
      logResult(200, { org });
      return;
    }
    const { failures, lagMs } = await scheduledRun.run(shouldStop);
    for (const failure of failures) logFailure(failure.org, failure.error);
    logResult(failures.length > 0 ? 500 : 200, { sealLagSeconds: Math.round(lagMs / 1000) });
    if (failures.length > 0) throw new VaultError('internal');
  };
