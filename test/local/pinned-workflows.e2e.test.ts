/**
 * Upgrades while a workflow is pending. The new code has another name for a wait, so it cannot replay an execution that
 * the old code started.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { ShredResponse } from '../../contract/shredding/wire.ts';
import { latestRotation, waitUntilRotated } from '../rotation/await-rotation.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { shredNow } from '../shredding/shred-org.ts';
import { addAlias, type ChangedAssembly, changedAssembly, setVariable } from './changed-assembly.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Workflow {
  readonly functionId: string;
  readonly callers: readonly string[];
  readonly setting: string;
  /** In the bundle of the workflow: the name of a wait. */
  readonly waitName: string;
}

const shredding: Workflow = {
  functionId: 'ShredWorkflowFunction',
  callers: ['ShredderFunction'],
  setting: functionEnv.shredFunction,
  waitName: 'waiting period',
};
const rotation: Workflow = {
  functionId: 'RotationWorkflowFunction',
  callers: ['RotatorFunction'],
  setting: functionEnv.rotationFunction,
  waitName: 'drain-',
};

/** A release of the vault whose workflow is invoked as `$LATEST` or by an alias. `renamed` has other step names. */
function release(workflow: Workflow, invokedAs: '$LATEST' | 'alias', renamed: boolean): string {
  const made: ChangedAssembly = changedAssembly(inject('assembly'), (stack, editCode) => {
    const functionId = stack.functionId(workflow.functionId);
    if (functionId === undefined) return;
    const named = invokedAs === 'alias' ? addAlias(stack, functionId) : { 'Fn::Sub': `\${${functionId}.Arn}:$LATEST` };
    for (const caller of workflow.callers) {
      setVariable(stack, stack.functionId(caller) ?? expect.fail(), workflow.setting, named);
    }
    if (renamed) editCode(functionId, (code) => code.replaceAll(workflow.waitName, `new ${workflow.waitName}`));
  });
  cleanups.push(made.remove);
  return made.folder;
}

/** Starts a release with the same data folder as the one before, which is closed. One day takes `secondsPerDay`. */
function upgrades(secondsPerDay: number): { dataDir: string; start: (assembly: string) => Promise<LocalStack> } {
  const dataDir = mkdtempSync(join(tmpdir(), 'anima-upgrade-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  let running: LocalStack | undefined;
  cleanups.push(async () => await running?.vault.close());
  const start = async (assembly: string): Promise<LocalStack> => {
    await running?.vault.close();
    running = await startLocalStack({ assembly, dataDir, timeScale: secondsPerDay / 86_400 });
    return running;
  };
  return { dataDir, start };
}

/** An upgrade before the execution waits would run all of it with the new code. */
async function waitsIn(dataDir: string, wait: string): Promise<void> {
  const folder = join(dataDir, 'durable');
  const executions = () => readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  await expect.poll(executions, { timeout: 60_000 }).toContainEqual(expect.stringContaining(wait));
}

const shredState = async (stack: LocalStack, key: string): Promise<ShredResponse> =>
  await (await stack.http('GET', '/v1/org/shred', { key })).json();

const isFinal = (stack: LocalStack, key: string) =>
  expect.poll(async () => (await shredState(stack, key)).final, { timeout: 150_000, interval: 200 });

/** The log line of a failed workflow: one JSON object. */
const failures = (stack: LocalStack) =>
  stack.vault
    .logs()
    .split('\n')
    .flatMap((line) => (line.includes('"replay_mismatch"') ? [JSON.parse(line.slice(line.indexOf('{')))] : []));

describe('an upgrade with a pending shredding of 30 days', () => {
  test('pinned to the version that started it, ends with its receipt', async () => {
    const { dataDir, start } = upgrades(0.3);
    const old = await start(release(shredding, 'alias', false));
    const org = await old.newOrg();
    expect(await shredNow(old, org, 30)).toMatchObject({ state: 'locked' });
    await waitsIn(dataDir, shredding.waitName);
    const next = await start(release(shredding, 'alias', true));
    await isFinal(next, org.adminKey).toBe(true);
    expect(await shredState(next, org.adminKey)).toMatchObject({ state: 'shredded', receipts: { length: 1 } });
    expect(failures(next)).toEqual([]);
  }, 400_000);

  test('on $LATEST, fails with a log line; the repeated request starts another execution, which ends with its receipt', async () => {
    const { dataDir, start } = upgrades(0.3);
    const old = await start(release(shredding, '$LATEST', false));
    const org = await old.newOrg();
    await shredNow(old, org, 30);
    await waitsIn(dataDir, shredding.waitName);
    const next = await start(release(shredding, '$LATEST', true));
    await expect.poll(() => failures(next).length, { timeout: 150_000 }).toBe(1);
    expect(failures(next)[0]).toMatchObject({
      level: 'ERROR',
      route: 'shred-workflow',
      status: 500,
      reason: 'replay_mismatch',
      fault: 'NonDeterministicExecutionError',
      execution: expect.stringContaining(':$LATEST/durable-execution/'),
    });
    // If the wait had ended before the upgrade, the SDK still runs the step after it, which destroys the keys.
    const unfinished = await shredState(next, org.adminKey);
    expect(['locked', 'shredded']).toContain(unfinished.state);
    expect(unfinished).toMatchObject({ final: false, receipts: [] });
    await shredNow(next, org, 30);
    await isFinal(next, org.adminKey).toBe(true);
    expect(await shredState(next, org.adminKey)).toMatchObject({ state: 'shredded', receipts: { length: 1 } });
  }, 400_000);
});

describe('an upgrade during a rotation', () => {
  const rotate = async (stack: LocalStack) =>
    await stack.http('POST', '/v1/org/rotation', { key: stack.vault.adminKey, body: {} });
  const beginRotation = async (stack: LocalStack) => {
    await stack.client.vault.set('a', 'kept');
    expect((await rotate(stack)).status).toBe(200);
    await expect.poll(async () => (await latestRotation(stack)).state, { timeout: 30_000 }).toBe('draining');
  };
  // A drain of 35 seconds takes about 4 seconds.
  const secondsPerDay = 10_000;

  test('pinned to the version that started it, ends', async () => {
    const { start } = upgrades(secondsPerDay);
    await beginRotation(await start(release(rotation, 'alias', false)));
    const next = await start(release(rotation, 'alias', true));
    expect(await waitUntilRotated(next, 150)).toMatchObject({ to: 2, state: 'done' });
    expect(await next.client.vault.get('a')).toBe('kept');
    expect(failures(next)).toEqual([]);
  }, 400_000);

  test('on $LATEST, fails with a log line; the repeated request starts another execution, which ends', async () => {
    const { start } = upgrades(secondsPerDay);
    await beginRotation(await start(release(rotation, '$LATEST', false)));
    const next = await start(release(rotation, '$LATEST', true));
    await expect.poll(() => failures(next).length, { timeout: 150_000 }).toBe(1);
    expect(failures(next)[0]).toMatchObject({ level: 'ERROR', route: 'rotation-workflow', reason: 'replay_mismatch' });
    expect((await latestRotation(next)).state).toBe('draining');
    expect((await rotate(next)).status).toBe(200);
    expect(await waitUntilRotated(next, 150)).toMatchObject({ to: 2, state: 'done' });
    expect(await next.client.vault.get('a')).toBe('kept');
  }, 400_000);
});
