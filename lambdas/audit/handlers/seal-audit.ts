import type { Context } from 'aws-lambda';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { faultOf, type Log } from '../../middleware/request-log.ts';
import { orgToSeal, type Sealer, type SealSweep } from '../audit-seal-service.ts';

/** What is left of the function's time when it begins no other seal, milliseconds: one seal is two calls and a signature. */
const lastSeal = 6000;

/**
 * Not a route: the auditor invokes it with `{org}`, and then it throws what went wrong; the schedule invokes it with an event
 * of its own, and then all orgs with new records are sealed. An org that fails is logged, and fails the invocation at its
 * end, so that it shows as an error of the function and is tried again.
 */
export const sealAudit =
  (log: Log, sealer: Sealer, sweep: SealSweep) =>
  async (event: unknown, context: Context): Promise<void> => {
    const started = performance.now();
    const record = (status: number, more: { org?: string; fault?: string } = {}) =>
      log({
        requestId: context.awsRequestId,
        route: 'none',
        status,
        durationMs: Math.round(performance.now() - started),
        ...more,
      });
    const enough = () => context.getRemainingTimeInMillis() < lastSeal;
    const org = orgToSeal(event);
    if (org !== undefined) {
      await sealer.seal(org, { empty: true, enough });
      record(200, { org });
      return;
    }
    const failures = await sweep.run(enough);
    for (const failure of failures) record(500, { org: failure.org, fault: faultOf(failure.error) });
    if (failures.length > 0) throw new VaultError('internal');
    record(200);
  };
