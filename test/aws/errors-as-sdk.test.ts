/** Every error that a service can return has the same effect, whether the AWS SDK or our client reports it. */
import * as dynamoSdk from '@aws-sdk/client-dynamodb';
import * as kmsSdk from '@aws-sdk/client-kms';
import * as stsSdk from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { KmsClient } from '../../lambdas/aws/kms-client.ts';
import { StsClient } from '../../lambdas/aws/sts-client.ts';
import { mapTransientErrors } from '../../lambdas/shared/stores/aws-error-mapping.ts';
import { mapKmsErrors } from '../../lambdas/shared/stores/kms-error-mapping.ts';
import { type Reply, testCredentials, testRegion, useScriptedServer } from './scripted-server.ts';

const server = useScriptedServer();

/** The errors that a client's model names. */
function modelledErrors(sdk: object, base: new (options: never) => Error): string[] {
  const classes = Object.values(sdk).filter((one) => typeof one === 'function' && one.prototype instanceof base);
  return classes.map((Class) => new Class({ message: '', $metadata: {} }).name);
}

/** Errors that models do not name, because every operation can have them (API references, "Common errors"). */
const commonErrors = [
  'AccessDeniedException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InternalFailure',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'ServiceUnavailable',
  'Throttling',
  'ThrottlingException',
  'UnrecognizedClientException',
  'ValidationException',
];

interface Outcome {
  readonly name: string;
  readonly code?: string;
  readonly fault?: unknown;
  readonly status?: unknown;
}

const outcomeOf = async (call: () => Promise<unknown>): Promise<Outcome> => {
  try {
    await call();
  } catch (error) {
    if (error instanceof VaultError) return { name: 'VaultError', code: error.code };
    if (error instanceof DecryptionError) return { name: 'DecryptionError' };
    const { name, $fault, $metadata } = error as kmsSdk.KMSServiceException;
    return { name, fault: $fault, status: $metadata?.httpStatusCode };
  }
  throw new Error('the call succeeded');
};

const sdkConfig = () => ({
  endpoint: server.url,
  region: testRegion,
  credentials: testCredentials as never,
  maxAttempts: 1,
});
const leanOptions = () => server.options({ limits: { attempts: 1, connectMs: 1000, requestMs: 2000 } });

const jsonForms = (name: string, status: number): Reply[] => [
  { status, body: JSON.stringify({ __type: name, message: 'm' }) },
  { status, body: JSON.stringify({ __type: `com.amazonaws.service#${name}`, Message: 'm' }) },
  { status, headers: { 'x-amzn-errortype': `${name}:http://internal.amazon.com/` }, body: '{}' },
  { status, body: JSON.stringify({ code: name, message: 'm' }) },
];
const statuses = [400, 403, 404, 409, 429, 500, 502, 503];

const dynamoErrors = [...modelledErrors(dynamoSdk, dynamoSdk.DynamoDBServiceException), ...commonErrors];
const kmsErrors = [...modelledErrors(kmsSdk, kmsSdk.KMSServiceException), ...commonErrors];
const stsErrors = [...modelledErrors(stsSdk, stsSdk.STSServiceException), ...commonErrors];

test('the models name the errors of each service', () => {
  expect(dynamoErrors).toContain('TransactionConflictException');
  expect(kmsErrors).toContain('KMSInvalidStateException');
  expect(stsErrors).toContain('RegionDisabledException');
  expect([dynamoErrors.length, kmsErrors.length, stsErrors.length].every((count) => count > 15)).toBe(true);
});

describe.each([...new Set(dynamoErrors)])('DynamoDB %s', (name) => {
  test('has the same effect', async () => {
    const command = new dynamoSdk.PutItemCommand({ TableName: 't', Item: {} });
    const [sdk, lean] = [new dynamoSdk.DynamoDBClient(sdkConfig()), new DynamoClient(leanOptions())];
    for (const reply of statuses.flatMap((status) => jsonForms(name, status))) {
      server.answer(reply);
      const expected = await outcomeOf(() => mapTransientErrors('', () => sdk.send(command)));
      server.answer(reply);
      expect(await outcomeOf(() => mapTransientErrors('', () => lean.putItem(command.input)))).toEqual(expected);
    }
  });
});

describe.each([...new Set(kmsErrors)])('KMS %s', (name) => {
  test('has the same effect', async () => {
    const command = new kmsSdk.DecryptCommand({ CiphertextBlob: new Uint8Array(4) });
    const [sdk, lean] = [new kmsSdk.KMSClient(sdkConfig()), new KmsClient(leanOptions())];
    for (const reply of statuses.flatMap((status) => jsonForms(name, status))) {
      server.answer(reply);
      const expected = await outcomeOf(() => mapKmsErrors('', () => sdk.send(command)));
      server.answer(reply);
      expect(await outcomeOf(() => mapKmsErrors('', () => lean.decrypt(command.input)))).toEqual(expected);
    }
  });
});

describe.each([...new Set(stsErrors)])('STS %s', (name) => {
  test('has the same effect', async () => {
    const input = { RoleArn: 'arn', RoleSessionName: 'org', DurationSeconds: 900, Tags: [] };
    const [sdk, lean] = [new stsSdk.STSClient(sdkConfig()), new StsClient(leanOptions())];
    for (const status of statuses) {
      const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${name}</Code><Message>m</Message></Error></ErrorResponse>`;
      server.answer({ status, headers: { 'content-type': 'text/xml' }, body });
      const expected = await outcomeOf(() =>
        mapTransientErrors('', () => sdk.send(new stsSdk.AssumeRoleCommand(input))),
      );
      const actual = await outcomeOf(() => mapTransientErrors('', () => lean.assumeRole(input)));
      expect(actual).toEqual(expected);
    }
  });
});

test('an error carries no text of the service, which can quote the request', async () => {
  server.answer({
    status: 400,
    body: JSON.stringify({ __type: 'ValidationException', message: 'the value is hunter2' }),
  });
  const error = await new DynamoClient(leanOptions()).getItem({ TableName: 't', Key: {} }).catch((one: unknown) => one);
  expect(error).toMatchObject({ name: 'ValidationException' });
  expect(JSON.stringify({ ...(error as Error) }) + String(error) + (error as Error).stack).not.toContain('hunter2');
});
