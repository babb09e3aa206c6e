import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FunctionSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { FunctionVersions } from '../../local/aws/lambda/function-versions.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anima-versions-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function latest(code: string, more: Partial<FunctionSpec> = {}): FunctionSpec {
  const codeFolder = join(root, 'assembly', 'asset');
  rmSync(codeFolder, { recursive: true, force: true });
  mkdirSync(codeFolder, { recursive: true });
  writeFileSync(join(codeFolder, 'index.mjs'), code);
  return {
    logicalId: 'Main',
    functionName: 'main',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:main',
    version: '$LATEST',
    codeFolder,
    Code: { S3Bucket: 'assets', S3Key: `${code}.zip` },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Role: 'role',
    Timeout: 15,
    MemorySize: 128,
    Environment: { Variables: { A: '1' } },
    LoggingConfig: {},
    ...more,
  };
}

const open = () => new FunctionVersions(join(root, 'functions'));
const codeOf = (spec: FunctionSpec | undefined) =>
  readFileSync(join(spec?.codeFolder ?? expect.fail('no version'), 'index.mjs'), 'utf8');

describe('a version', () => {
  test('has a new number only if the code or the configuration has changed', () => {
    expect(open().publish(latest('one')).version).toBe('1');
    expect(open().publish(latest('one')).version).toBe('1');
    expect(open().publish(latest('two')).version).toBe('2');
    expect(open().publish(latest('two', { Environment: { Variables: { A: '2' } } })).version).toBe('3');
    expect(open().publish(latest('two', { Environment: { Variables: { A: '2' } }, Timeout: 16 })).version).toBe('4');
    // A return to earlier code is a change too.
    expect(open().publish(latest('one')).version).toBe('5');
  });

  test('does not depend on what Lambda does not store with it', () => {
    open().publish(latest('one'));
    const changed = { Code: { S3Bucket: 'other', S3Key: 'other.zip' }, Tags: [{ Key: 'a', Value: 'b' }] };
    expect(open().publish(latest('one', { ...changed, ReservedConcurrentExecutions: 5 })).version).toBe('1');
  });

  test('keeps its code and configuration when the assembly is replaced', () => {
    open().publish(latest('one'));
    open().publish(latest('two', { Environment: { Variables: { A: '2' } } }));
    rmSync(join(root, 'assembly'), { recursive: true });
    const versions = open();
    expect(codeOf(versions.get('main', '1'))).toBe('one');
    expect(versions.get('main', '1')?.Environment.Variables.A).toBe('1');
    expect(codeOf(versions.get('main', '2'))).toBe('two');
    expect(versions.all().map(({ version }) => version)).toEqual(['1', '2']);
  });

  test('is deleted with its code if it is not needed, and its number is not used again', () => {
    const versions = open();
    versions.publish(latest('one'));
    versions.publish(latest('two'));
    versions.deleteUnless(({ version }) => version === '2');
    expect(open().get('main', '1')).toBeUndefined();
    expect(codeOf(open().get('main', '2'))).toBe('two');
    expect(readdirSync(join(root, 'functions', 'code'))).toHaveLength(1);
    versions.deleteUnless(() => false);
    expect(readdirSync(join(root, 'functions', 'code'))).toEqual([]);
    expect(open().publish(latest('three')).version).toBe('3');
  });

  test('shares code with versions that have the same code', () => {
    open().publish(latest('one'));
    open().publish(latest('one', { functionName: 'other' }));
    expect(readdirSync(join(root, 'functions', 'code'))).toHaveLength(1);
  });
});
