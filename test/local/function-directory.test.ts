import { describe, expect, test } from 'vitest';
import type { FunctionAliasSpec, FunctionSpec } from '../../local/aws/cloudformation/deployment-spec.ts';
import { FunctionDirectory } from '../../local/aws/lambda/function-directory.ts';
import { arn } from '../../local/aws/shared/aws-account.ts';

const versionOf = (version: string) => ({
  spec: { functionName: 'main', version } as FunctionSpec,
  invoke: async (_: string, invokedArn: string) => ({ ok: true as const, payload: `${version} as ${invokedArn}` }),
});

function directory(additional?: FunctionAliasSpec['additional'], random?: () => number): FunctionDirectory {
  const made = new FunctionDirectory([{ functionName: 'main', name: 'live', version: '2', additional }], random);
  made.add(['$LATEST', '1', '2'].map(versionOf));
  return made;
}

const unqualified = arn('lambda', 'function:main');

describe('a function is found', () => {
  test.each([
    ['main', '$LATEST', unqualified],
    ['main:$LATEST', '$LATEST', `${unqualified}:$LATEST`],
    ['main:1', '1', `${unqualified}:1`],
    ['main:live', '2', `${unqualified}:live`],
    [unqualified, '$LATEST', unqualified],
    [`${unqualified}:live`, '2', `${unqualified}:live`],
    ['000000000000:function:main:live', '2', `${unqualified}:live`],
  ])('by %s: version %s, and the context names what the caller named', async (given, version, invokedArn) => {
    expect(directory().resolve(given).version.spec.version).toBe(version);
    expect(await directory().invoke(given, '{}')).toEqual({ ok: true, payload: `${version} as ${invokedArn}` });
  });

  test('by the parameter Qualifier, which must not contradict the name', () => {
    expect(directory().resolve('main', 'live').version.spec.version).toBe('2');
    expect(directory().resolve('main:live', 'live').invokedArn).toBe(`${unqualified}:live`);
    expect(() => directory().resolve('main:live', '1')).toThrow('does not match');
  });

  test.each(['other', 'main:3', 'main:draft'])('but not by %s', async (given) => {
    expect(() => directory().resolve(given)).toThrow('Function not found');
    expect(await directory().invoke(given, '{}')).toMatchObject({ ok: false, type: 'ResourceNotFoundException' });
  });
});

test('an alias with a weight sends that part of the invocations to the additional version', () => {
  const drawn = [0, 0.24, 0.25, 0.99];
  const weighted = directory({ version: '1', weight: 0.25 }, () => drawn.shift() ?? expect.fail());
  const versions = [1, 2, 3, 4].map(() => weighted.resolve('main:live').version.spec.version);
  expect(versions).toEqual(['1', '1', '2', '2']);
  expect(weighted.resolve('main:1').version.spec.version).toBe('1');
});
