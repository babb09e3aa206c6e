/** Which address of a recipient is in the audit: over the origin of the page, and by calls to the API. */
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { describe, expect, inject, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { originSecretHeader, viewerAddressHeader } from '../../contract/shared/environment-variables.ts';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import { kmsKeyLogicalIds, readDeployment } from '../../local/aws/cloudformation/read-deployment.ts';
import { localCustomResources } from '../../local/vault/custom-resources.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { linkProof } from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 1 });

/** As the distribution presents it. */
const deployedSecret = (): string => {
  const assembly = readCloudAssembly(inject('assembly'));
  const keyIds = new Map(kmsKeyLogicalIds(assembly).map((id) => [id, 'k']));
  const deployment = readDeployment(assembly, keyIds, localCustomResources);
  const headers = deployment.distribution?.behaviours.flatMap(({ originHeaders }) => originHeaders) ?? [];
  const secret = new Map(headers).get(originSecretHeader) ?? expect.fail('the distribution has no secret');
  const environments = JSON.stringify(deployment.functionVersions.map(({ Environment }) => Environment));
  expect(environments).not.toContain(secret);
  return secret;
};

/** Opens a new link from a local address of the machine, and returns the record. */
async function opened(origin: string, headers: Record<string, string> = {}): Promise<AuditRecord> {
  const { id, url, link } = await stack.client.blobs.put(pseudoRandomBytes(10));
  const body = JSON.stringify({ proof: await linkProof(url, 'open') });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(
      `${origin}/v1/links/${link}/opening`,
      {
        method: 'POST',
        localAddress: '127.0.0.2',
        headers: { 'content-type': 'application/json', 'x-anima-agent': 'reader', ...headers },
      },
      (answer) => json(answer).then(() => resolve(answer.statusCode), reject),
    );
    sent.once('error', reject).end(body);
  });
  expect(status).toBe(200);
  const audit = await stack.http('GET', `/v1/audit?verb=links.open&name=${id}`, { key: stack.vault.adminKey });
  const { records } = await audit.json();
  expect(records).toHaveLength(1);
  return records[0];
}

describe('the record of an opening', () => {
  test('over the origin of the page has the address of the viewer, and beside it that of the distribution', async () => {
    const record = await opened(stack.vault.pageUrl);
    expect(record).toMatchObject({ sourceIp: '127.0.0.1', viewerIp: '127.0.0.2', agent: 'reader' });
  });

  test('has the address that the distribution saw, not the one that the viewer sent', async () => {
    const forged = { [viewerAddressHeader]: '198.51.100.10:443', [originSecretHeader]: 'forged' };
    expect(await opened(stack.vault.pageUrl, forged)).toMatchObject({ viewerIp: '127.0.0.2' });
  });

  test('by a call to the API has the address that the API saw, whatever headers were sent', async () => {
    for (const secret of [{}, { [originSecretHeader]: 'forged' }]) {
      const record = await opened(stack.vault.url, { [viewerAddressHeader]: '198.51.100.10:443', ...secret });
      expect(record.sourceIp).toBe('127.0.0.2');
      expect(record).not.toHaveProperty('viewerIp');
    }
  });

  test('with the secret of the distribution would be believed: nothing else proves the address', async () => {
    const headers = { [viewerAddressHeader]: '198.51.100.10:443', [originSecretHeader]: deployedSecret() };
    expect(await opened(stack.vault.url, headers)).toMatchObject({ sourceIp: '127.0.0.2', viewerIp: '198.51.100.10' });
  });
});

test('the secret is in no environment, log line or audit record', async () => {
  const secret = deployedSecret();
  const record = await opened(stack.vault.pageUrl);
  const audit = await (await stack.http('GET', '/v1/audit?limit=1000', { key: stack.vault.adminKey })).text();
  expect(audit).toContain(record.id);
  const logs = stack.vault.logs();
  expect(logs).toContain('openLink');
  for (const text of [audit, logs, JSON.stringify(stack.vault.pageLog())]) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(originSecretHeader);
  }
});
