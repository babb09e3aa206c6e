/** Signed requests for their identity, verified by the emulated STS as AWS verifies them. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  callerIdentityBody,
  callerIdentityContentType,
  serverId,
  serverIdHeader,
} from '../../contract/logins/aws-requests.ts';
import { buildCallerIdentityRequest, parseCallerIdentity } from '../../lambdas/logins/caller-identity.ts';
import { HttpsSts } from '../../lambdas/logins/stores/https-sts.ts';
import { CallLog } from '../../local/aws/endpoint/engine-hooks.ts';
import { type SignedServiceServer, startSignedServiceServer } from '../../local/aws/endpoint/signed-service-server.ts';
import { CredentialStore } from '../../local/aws/iam/credential-store.ts';
import { signRequest } from '../../local/aws/iam/signature-v4.ts';
import { account, iamArn } from '../../local/aws/shared/aws-account.ts';
import { roleIdOf, stsEngine } from '../../local/aws/sts/sts-engine.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';

const org = '0123456789abcdef';
const login = 'abcdefghjkmnpqrs';
const vaultUrl = 'https://vault.example.com';
const roleArn = iamArn('role/Agent');
const credentials = new CredentialStore();
let front: SignedServiceServer;
let hostile: Server | undefined;

beforeAll(async () => {
  front = await startSignedServiceServer({
    engines: [stsEngine([], credentials)],
    credentials,
    calls: new CallLog(),
    hooks: () => ({}),
    onError: (message) => expect.fail(message),
  });
});
afterAll(async () => await front.close());
afterEach(() => {
  hostile?.close();
  hostile = undefined;
});

/** A request as the signer of the AWS SDK signs it. */
async function signedParts(body = callerIdentityBody) {
  const session = credentials.issueSession(
    { name: 'my-session', arn: roleArn, tags: {} },
    new Date(Date.now() + 60_000),
  );
  const { region } = account;
  const nonce = randomBytes(16).toString('base64url');
  const url = new URL(`https://sts.${region}.amazonaws.com/`);
  const headers = {
    'content-type': callerIdentityContentType,
    'x-amz-security-token': session.sessionToken,
    [serverIdHeader]: serverId(vaultUrl, org, login, nonce),
  };
  const signed = await signRequest({ method: 'POST', url, headers, body }, 'sts', session);
  const { authorization = '', 'x-amz-date': date = '' } = signed;
  return {
    parts: {
      org,
      login,
      audience: `${vaultUrl}/${org}`,
      region,
      accessKeyId: session.accessKeyId,
      securityToken: session.sessionToken,
      date,
      nonce,
      signature: /Signature=([0-9a-f]{64})$/.exec(authorization)?.[1] ?? expect.fail('not signed'),
    },
    authorization,
  };
}

const identity = { account: account.id, roleId: roleIdOf(roleArn) };

describe('a request that the signer of the AWS SDK signed', () => {
  test('is the request that the vault builds from its parts, and STS names its role', async () => {
    const { parts, authorization } = await signedParts();
    const built = buildCallerIdentityRequest(parts, identity);
    expect(built.headers.get('authorization')).toBe(authorization);
    const answer = await new HttpsSts(`${front.url}/`).getCallerIdentity(built);
    expect(parseCallerIdentity(answer ?? '')).toEqual({ ...identity, sessionName: 'my-session' });
  });

  test('is refused by STS if any of its parts is another', async () => {
    const { parts } = await signedParts();
    const sts = new HttpsSts(`${front.url}/`);
    const changes = {
      login: 'bbcdefghjkmnpqrs',
      audience: 'https://evil.example/x',
      nonce: 'A'.repeat(22),
      signature: '0'.repeat(64),
    };
    for (const [name, changed] of Object.entries(changes)) {
      const built = buildCallerIdentityRequest({ ...parts, [name]: changed }, identity);
      expect(await sts.getCallerIdentity(built), name).toBeUndefined();
    }
    const other = await signedParts('Action=AssumeRole&Version=2011-06-15');
    expect(await sts.getCallerIdentity(buildCallerIdentityRequest(other.parts, identity))).toBeUndefined();
  });
});

describe('a server in the place of STS', () => {
  async function answerOf(respond: (response: ServerResponse) => void) {
    const server = createServer((_, response) => respond(response));
    hostile = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { parts } = await signedParts();
    return await new HttpsSts(`http://127.0.0.1:${port}/`).getCallerIdentity(
      buildCallerIdentityRequest(parts, identity),
    );
  }

  test.each([301, 302, 307, 308])('that redirects with %i is not followed', async (status) => {
    let requests = 0;
    const answer = await answerOf((response) => {
      requests++;
      response.writeHead(status, { location: '/' }).end();
    });
    expect(answer).toBeUndefined();
    expect(requests).toBe(1);
  });

  test.each([
    ['fails', (response: ServerResponse) => response.writeHead(500).end()],
    ['throttles', (response: ServerResponse) => response.writeHead(400).end('<Code>Throttling</Code>')],
    ['breaks off', (response: ServerResponse) => response.destroy()],
  ])('that %s makes the login unavailable', async (_, respond) => {
    expect(await errorCodeOf(answerOf(respond))).toBe('unavailable');
  });

  test('that sends more than STS ever does gives no identity', async () => {
    expect(await answerOf((response) => response.end('x'.repeat(100_000)))).toBeUndefined();
  });
});
