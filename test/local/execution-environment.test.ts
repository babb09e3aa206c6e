/** Execution environments of functions in threads and in processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { FunctionSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import type { Isolation } from '../../local/aws/lambda/environment-runner.ts';
import { ExecutionEnvironment } from '../../local/aws/lambda/execution-environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-environment-'));
afterAll(() => rmSync(folder, { recursive: true }));

const code = `
let calls = 0;
export async function handler(event, context) {
  console.log('handled ' + event.name);
  if (event.name === 'throws') throw new TypeError('no');
  if (event.name === 'waits') await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (event.name === 'exits') process.exit(3);
  const limited = context.getRemainingTimeInMillis() <= 30_000;
  return { calls: ++calls, pid: process.pid, color: process.env.COLOR, path: process.env.PATH, limited };
}`;
writeFileSync(join(folder, 'index.mjs'), code);
const spec = { Handler: 'index.handler', codeFolder: folder, MemorySize: 128, Timeout: 30 } as FunctionSpec;

describe.each<Isolation>(['thread', 'process'])('an execution environment in a %s', (isolation) => {
  const lines: string[] = [];
  const start = () => new ExecutionEnvironment(spec, { COLOR: 'red' }, (line) => lines.push(line), isolation);
  const named = (name: string) => JSON.stringify({ name });

  test('handles one event after another with its own variables only', async () => {
    const environment = start();
    const outcomes = [await environment.run(named('a'), {}), await environment.run(named('b'), {})];
    const results = outcomes.map((outcome) => (outcome.ok ? JSON.parse(outcome.payload) : outcome));
    expect(results).toMatchObject([
      { calls: 1, color: 'red', limited: true },
      { calls: 2, color: 'red', limited: true },
    ]);
    expect(results[0]).not.toHaveProperty('path');
    expect(results[0].pid === process.pid).toBe(isolation === 'thread');
    await expect.poll(() => lines).toEqual(['handled a', 'handled b']);
    await environment.terminate();
  });

  test('returns the error of a handler, and can be used again', async () => {
    const environment = start();
    expect(await environment.run(named('throws'), {})).toMatchObject({ ok: false, type: 'TypeError', message: 'no' });
    expect(await environment.run(named('a'), {})).toMatchObject({ ok: true });
    await environment.terminate();
  });

  test.each(['is killed', 'exits'])('that %s in the midst of an event fails the event, and ends', async (how) => {
    const environment = start();
    const outcome = environment.run(named(how === 'exits' ? 'exits' : 'waits'), {});
    if (how === 'is killed') {
      await expect.poll(() => lines).toContain('handled waits');
      await environment.terminate();
    }
    expect(await outcome).toMatchObject({ ok: false, type: 'Runtime.ExitError' });
    await environment.ended;
    expect(environment.usable).toBe(false);
    expect(await environment.run(named('a'), {})).toMatchObject({ ok: false, type: 'Runtime.ExitError' });
    await environment.terminate();
  });
});
