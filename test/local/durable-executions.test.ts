/** The emulator of durable functions, called by the AWS SDK for durable functions. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DurableContext, withDurableExecution } from '@aws/durable-execution-sdk-js';
import type { Context } from 'aws-lambda';
import { afterEach, describe, expect, test } from 'vitest';
import type { FunctionSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { DurableExecutions } from '../../local/aws/lambda/durable-executions.ts';
import { updateSchema } from '../../local/aws/lambda/durable-operations.ts';
import { DurableStore } from '../../local/aws/lambda/durable-store.ts';
import type { InvocationOutcome } from '../../local/aws/lambda/execution-environment.ts';
import type { Invocable } from '../../local/aws/lambda/function-directory.ts';

type Work = (input: { readonly n: number }, context: DurableContext) => Promise<unknown>;

const spec: FunctionSpec = {
  logicalId: 'Worker',
  functionName: 'worker',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:worker',
  version: '$LATEST',
  codeFolder: '/nowhere',
  Code: { S3Bucket: '', S3Key: '' },
  Handler: 'index.handler',
  Runtime: 'nodejs24.x',
  Role: '',
  Timeout: 15,
  MemorySize: 128,
  Environment: { Variables: {} },
  LoggingConfig: {},
  DurableConfig: { ExecutionTimeout: 3600, RetentionPeriodInDays: 14 },
};

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'anima-durable-'));
  folders.push(folder);
  return folder;
};

/**
 * Simulates one process: an engine with a data folder. Its function runs in this thread and can be disconnected from
 * it.
 */
function openEngine(folder: string | null, work: Work, timeScale = 0.05) {
  const store = new DurableStore(folder);
  const invocations: unknown[] = [];
  let alive = true;
  const never = () => new Promise<never>(() => {});
  const invocable: Invocable = {
    spec,
    async invoke(event): Promise<InvocationOutcome> {
      invocations.push(JSON.parse(event));
      const handler = withDurableExecution<{ readonly n: number }, unknown>(work, {
        durableExecutionClient: {
          checkpoint: async ({ DurableExecutionArn, CheckpointToken, ClientToken, Updates = [] }) => {
            if (!alive) return await never();
            const updates = Updates.map((update) => updateSchema.parse(JSON.parse(JSON.stringify(update))));
            return answerOf(
              executions.checkpoint(DurableExecutionArn ?? '', CheckpointToken ?? '', ClientToken, updates),
            );
          },
          getExecutionState: async ({ DurableExecutionArn, CheckpointToken, Marker }) =>
            answerOf(executions.state(DurableExecutionArn ?? '', CheckpointToken ?? '', Marker ?? '0')),
        },
      });
      try {
        const context = { awsRequestId: '1', getRemainingTimeInMillis: () => 15_000 } as Context;
        const result = await handler(JSON.parse(event), context);
        return alive ? { ok: true, payload: JSON.stringify(result) } : await never();
      } catch (error) {
        return { ok: false, type: 'Error', message: String(error) };
      }
    },
  };
  const executions = new DurableExecutions({
    store,
    functions: { find: () => invocable },
    timeScale,
    onError: () => {},
  });
  executions.resume();
  return {
    store,
    executions,
    invocations,
    kill: () => {
      alive = false;
      executions.close();
    },
  };
}

/** Parses a response as the AWS client does, with times in seconds. */
function answerOf<Answer>(answer: object): Answer {
  return JSON.parse(JSON.stringify(answer), (key, value) =>
    key.endsWith('Timestamp') ? new Date(value * 1000) : value,
  );
}

const ended = async (engine: ReturnType<typeof openEngine>, arn: string) =>
  await expect.poll(() => engine.store.get(arn)?.status, { timeout: 10_000, interval: 5 }).not.toBe('RUNNING');

describe('an execution', () => {
  test('runs its steps once each, sleeps outside of the function, and keeps its result', async () => {
    const ran: string[] = [];
    const engine = openEngine(null, async ({ n }, context) => {
      const one = await context.step('one', async () => ran.push('one') + n);
      await context.wait('nap', { seconds: 4 });
      return one + (await context.step('two', async () => ran.push('two')));
    });
    const started = Date.now();
    const { arn } = engine.executions.start(spec, 'a', '{"n":40}');
    await ended(engine, arn);
    expect(engine.store.get(arn)).toMatchObject({ status: 'SUCCEEDED', result: '43' });
    expect(ran).toEqual(['one', 'two']);
    expect(engine.invocations).toHaveLength(2);
    expect(Date.now() - started).toBeGreaterThanOrEqual(200);
  });

  test('is one for each name: the same input finds it, another is refused', async () => {
    const engine = openEngine(null, async () => 1);
    const { arn } = engine.executions.start(spec, 'a', '{}');
    expect(engine.executions.start(spec, 'a', '{}').arn).toBe(arn);
    expect(() => engine.executions.start(spec, 'a', '{"n":1}')).toThrow('different input');
    expect(engine.executions.start(spec, undefined, '{}').arn).not.toBe(
      engine.executions.start(spec, undefined, '{}').arn,
    );
    await ended(engine, arn);
  });

  test('tries a failed step again after its delay, and ends as failed when told not to', async () => {
    let tries = 0;
    const engine = openEngine(null, async (_, context) => {
      const retryStrategy = (_error: Error, attempt: number) => ({ shouldRetry: attempt < 3, delay: { seconds: 1 } });
      const fail = async () => {
        tries++;
        throw new Error('no');
      };
      return await context.step('fails', fail, { retryStrategy });
    });
    const { arn } = engine.executions.start(spec, 'a', '{}');
    await ended(engine, arn);
    expect(engine.store.get(arn)?.status).toBe('FAILED');
    expect(tries).toBe(3);
  });

  test('survives the end of the process, in a step and in a wait: what was done is not done again, and no wait is shortened', async () => {
    const folder = newFolder();
    const ran: string[] = [];
    let blocked = Promise.withResolvers<void>();
    const work: Work = async (_, context) => {
      await context.step('one', async () => void ran.push('one'));
      await context.step('two', async () => {
        ran.push('two');
        await blocked.promise;
      });
      await context.wait('nap', { seconds: 10 });
      return await context.step('three', async () => ran.push('three'));
    };
    const first = openEngine(folder, work);
    const { arn } = first.executions.start(spec, 'a', '{}');
    await expect.poll(() => ran.length).toBe(2);
    first.kill();
    blocked = Promise.withResolvers<void>();
    blocked.resolve();
    const second = openEngine(folder, work);
    await expect.poll(() => second.store.get(arn)?.operations.some(({ Type }) => Type === 'WAIT')).toBe(true);
    const due = second.store.get(arn)?.operations.find(({ Type }) => Type === 'WAIT')
      ?.WaitDetails?.ScheduledEndTimestamp;
    second.kill();
    const third = openEngine(folder, work);
    await ended(third, arn);
    expect(third.store.get(arn)).toMatchObject({ status: 'SUCCEEDED' });
    // Only the step that was running when the process was killed ran twice.
    expect(ran).toEqual(['one', 'two', 'two', 'three']);
    expect(third.store.get(arn)?.endedAt).toBeGreaterThanOrEqual(due ?? expect.fail());
  });

  test('takes checkpoints from its latest invocation only, and the same one sent again as one', async () => {
    const engine = openEngine(null, async () => await new Promise(() => {}));
    const { arn } = engine.executions.start(spec, 'a', '{}');
    await expect.poll(() => engine.invocations.length).toBe(1);
    const { CheckpointToken: token } = engine.invocations[0] as { CheckpointToken: string };
    const update = updateSchema.parse({ Id: 'x', Type: 'STEP', Action: 'START' });
    const answer = engine.executions.checkpoint(arn, token, 'sent', [update]);
    expect(engine.executions.checkpoint(arn, token, 'sent', [update])).toEqual(answer);
    expect(() => engine.executions.checkpoint(arn, token, 'other', [update])).toThrow('Invalid Checkpoint Token');
    engine.kill();
  });
});
