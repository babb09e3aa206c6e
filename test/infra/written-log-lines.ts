/** Log lines that the functions' code writes in the situations that raise an alarm. */
import type { Context } from 'aws-lambda';
import { vi } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { AuditHeadConflict } from '../../lambdas/audit/audit-heads.ts';
import { AuditLogWriter } from '../../lambdas/audit/audit-log-writer.ts';
import type { AuditSealService } from '../../lambdas/audit/audit-seal-service.ts';
import { sealAudit } from '../../lambdas/audit/handlers/seal-audit.ts';
import { createLambdaHandler } from '../../lambdas/middleware/lambda-handler.ts';
import { createRequestLog } from '../../lambdas/middleware/request-log.ts';
import { type ApiEvent, noteTripwire, type RequestState } from '../../lambdas/middleware/request-state.ts';
import { mapKmsErrors } from '../../lambdas/shared/stores/kms-error-mapping.ts';
import { processJobs } from '../../lambdas/worker/handlers/process-jobs.ts';
import type { JobConsumer, JobResult } from '../../lambdas/worker/job-consumer.ts';
import { deployment } from '../audit/in-memory-deployment.ts';

const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 10_000 } as Context;
const event = {
  routeKey: 'GET /v1/org',
  rawPath: '/v1/org',
  headers: {},
  requestContext: { requestId: 'r', http: {} },
};

/** Runs code and returns the lines that it wrote to standard output, parsed. */
const linesOf = async (run: () => Promise<unknown>): Promise<object[]> => {
  const written: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const errors = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  try {
    await run().catch(() => undefined);
  } finally {
    spy.mockRestore();
    errors.mockRestore();
  }
  return written
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
};

/** A request of an authenticated caller whose operation does this. */
const request = (run: (state: RequestState) => Promise<unknown>, auditFails = false) =>
  linesOf(async () => {
    const put = () => (auditFails ? Promise.reject(new Error('no')) : Promise.resolve());
    const audit = new AuditLogWriter({ put }, 1, () => new Date());
    const handler = createLambdaHandler(createRequestLog('test'), audit, {
      getOrg: async (state) => {
        state.actor = { org: 'o'.repeat(16), principal: 'k'.repeat(16) };
        return await run(state);
      },
    });
    await handler(event as unknown as ApiEvent, context);
  });

const awsError = (name: string) => Object.assign(new Error('secret'), { name, $metadata: { httpStatusCode: 400 } });
const kmsCall = (name: string) => () => mapKmsErrors('', () => Promise.reject(awsError(name)));

/** A job that fails at an attempt, by default the last one. */
const failingJob = (progress: JobResult, error: Error = new VaultError('unavailable'), attempt = 3) =>
  linesOf(async () => {
    const consumer = {
      processMessage: (_: unknown, report: (latest: JobResult) => void) => {
        report(progress);
        return Promise.reject(error);
      },
    };
    const attributes = { ApproximateReceiveCount: String(attempt), SentTimestamp: String(Date.now()) };
    const Records = [{ messageId: 'm', body: '', attributes }] as unknown as Parameters<
      ReturnType<typeof processJobs>
    >[0]['Records'];
    await processJobs(createRequestLog('test'), consumer as unknown as JobConsumer)({ Records }, context);
  });

const conflictingHead = () =>
  linesOf(async () => {
    const seal = () => Promise.reject(new AuditHeadConflict('foreign object'));
    const { sweep } = deployment();
    await sealAudit(
      createRequestLog('test'),
      { seal } as unknown as AuditSealService,
      sweep,
    )({ org: 'abcdefghjkmnpqrs' }, context);
  });

const scheduledSealing = () =>
  linesOf(async () => {
    const { sweep, sealer } = deployment();
    await sealAudit(createRequestLog('test'), sealer, sweep)({ source: 'aws.events' }, context);
  });

/** Lines by situation. Every situation writes at least one. */
export const writtenLogLines = async (): Promise<Readonly<Record<string, readonly object[]>>> => ({
  ok: await request(async () => ({})),
  kmsDenied: await request(kmsCall('AccessDeniedException')),
  kmsDisabled: await request(kmsCall('DisabledException')),
  kmsThrottled: await request(kmsCall('ThrottlingException')),
  kmsUnavailable: await request(kmsCall('TimeoutError')),
  fault: await request(() => Promise.reject(new TypeError('secret'))),
  jobFault: await failingJob({}, new TypeError('secret'), 1),
  auditWriteFailed: await request(async () => ({}), true),
  tripwire: await request(async (state) => {
    for (const name of ['secret/a', 'secret/b', 'secret/a']) noteTripwire(state)(name);
  }),
  unanswered: await failingJob({}),
  undeleted: await failingJob({ retryUntil: 'done' }),
  audit_head_conflict: await conflictingHead(),
  sealed: await scheduledSealing(),
});
