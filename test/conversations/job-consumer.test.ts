/** The worker's function: its reports to the queue, and its log. */
import type { Context, SQSRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import { jobRetentionSeconds } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { RequestLogEntry } from '../../lambdas/middleware/request-log.ts';
import { processJobs } from '../../lambdas/worker/handlers/process-jobs.ts';
import type { JobConsumer, JobResult, QueueMessage } from '../../lambdas/worker/job-consumer.ts';

const record = (messageId: string, body: string, tries = 1, sentAt = Date.now()): SQSRecord => {
  const attributes = { ApproximateReceiveCount: String(tries), SentTimestamp: String(sentAt), MessageGroupId: 'group' };
  return { messageId, body, attributes } as SQSRecord;
};

/** A worker that handles each job body with the given function. */
function worker(does: Record<string, (known: (facts: JobResult) => void) => Promise<JobResult>>) {
  const log: RequestLogEntry[] = [];
  const done: string[] = [];
  const prolonged: (readonly string[])[] = [];
  const queue = { works: true };
  const working = {
    requeue: async (...job: readonly string[]) => {
      if (!queue.works) throw new VaultError('unavailable');
      prolonged.push(job);
    },
    processMessage: async ({ body }: QueueMessage, known: (facts: JobResult) => void) => {
      done.push(body);
      return (await does[body]?.(known)) ?? {};
    },
  } as unknown as JobConsumer;
  const handler = processJobs((entry) => log.push(entry), working);
  const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
  return {
    log,
    done,
    prolonged,
    queue,
    handle: async (...Records: SQSRecord[]) => await handler({ Records }, context),
  };
}

const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

test('a job that fails is reported with all that follow it, which are not begun: jobs of a group stay in order', async () => {
  const { handle, done } = worker({ bad: () => Promise.reject(new VaultError('unavailable')) });
  expect(await handle(record('1', 'good'), record('2', 'bad'), record('3', 'good'))).toEqual(failed('2', '3'));
  expect(done).toEqual(['good', 'bad']);
  expect(await handle(record('1', 'good'), record('2', 'good'))).toEqual(failed());
});

test('a job that failed three times is given up, with a word in the log, and what follows it is done', async () => {
  const { handle, done, log } = worker({
    bad: (known) => {
      known({ org: 'o', job: 'j', user: 'u' });
      return Promise.reject(new VaultError('unavailable', { detail: 'xylophone' }));
    },
  });
  expect(await handle(record('1', 'bad', 2))).toEqual(failed('1'));
  expect(await handle(record('1', 'bad', 3), record('2', 'good'))).toEqual(failed());
  expect(done).toEqual(['bad', 'bad', 'good']);
  expect(log.slice(0, 2)).toMatchObject([
    { route: 'worker', status: 500, code: 'unavailable', attempt: 2, org: 'o', job: 'j', principal: 'user:u' },
    { route: 'worker', status: 500, code: 'unavailable', attempt: 3, reason: 'unanswered' },
  ]);
  expect(log[0]?.reason).toBeUndefined();
  expect(JSON.stringify(log)).not.toContain('xylophone');
});

test('a deletion is never given up, and its failures have a word of their own in the log', async () => {
  const hold = (how: JobResult['retryUntil']) => (known: (facts: JobResult) => void) => {
    known({ org: 'o', job: 'j', ...(how && { retryUntil: how }) });
    return Promise.reject(new VaultError('unavailable'));
  };
  const { handle, log, prolonged } = worker({ deletes: hold('done'), sealed: hold('queue') });
  for (const tries of [1, 3, 30]) expect(await handle(record('1', 'deletes', tries))).toEqual(failed('1'));
  expect(log.map(({ reason }) => reason)).toEqual([undefined, 'undeleted', 'undeleted']);
  // Until a job is decrypted, nobody knows whether it is a deletion.
  expect(await handle(record('1', 'sealed', 30))).toEqual(failed('1'));
  expect(prolonged).toEqual([]);
  expect(JSON.stringify(log)).not.toContain('retryUntil');
});

test('a deletion that has been in the queue for half of its time there is sent again, and let go only when that is done', async () => {
  const hold = (known: (facts: JobResult) => void) => {
    known({ retryUntil: 'done' });
    return Promise.reject(new VaultError('unavailable'));
  };
  const { handle, prolonged, queue } = worker({ deletes: hold });
  const half = (jobRetentionSeconds * 1000) / 2;
  expect(await handle(record('1', 'deletes', 20, Date.now() - half + 10_000))).toEqual(failed('1'));
  expect(prolonged).toEqual([]);
  queue.works = false;
  expect(await handle(record('1', 'deletes', 20, Date.now() - half - 1))).toEqual(failed('1'));
  queue.works = true;
  expect(await handle(record('1', 'deletes', 21, Date.now() - half - 1))).toEqual(failed());
  expect(prolonged).toEqual([['deletes', 'group']]);
});

test('what nobody foresaw is logged by its class and place, never by its message, which may quote one', async () => {
  const { handle, log } = worker({ bad: () => Promise.reject(new TypeError('cannot read xylophone')) });
  await handle(record('1', 'bad'));
  expect(log[0]).toMatchObject({ code: 'internal', fault: expect.stringContaining('TypeError | at ') });
  expect(JSON.stringify(log)).not.toContain('xylophone');
});

test('what was dropped is logged with its reason, and not reported', async () => {
  const { handle, log } = worker({ gone: async () => ({ org: 'o', job: 'j', reason: 'user_deleted' }) });
  expect(await handle(record('1', 'gone'))).toEqual(failed());
  expect(log).toMatchObject([{ status: 200, reason: 'user_deleted', org: 'o', job: 'j', requestId: '1' }]);
});
