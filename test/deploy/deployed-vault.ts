/** Access to a vault that was deployed into the emulator. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { CreateOrgResponse } from '../../contract/orgs/wire.ts';
import { signRequest } from '../../local/aws/iam/signature-v4.ts';
import { Anima } from '../../sdk/src/index.ts';
import { credentials, type Ministack } from './ministack.ts';

export interface DeployedVault {
  /** Address for clients. The emulator's own addresses are subdomains, which have no DNS record. */
  readonly url: string;
  /** Address that the deployment has for itself, which providers sign. */
  readonly publicUrl: string;
  clientOf(apiKey: string): Anima;
  /** Creates an organization as the operator. */
  createOrg(): Promise<CreateOrgResponse>;
}

/** @param outputs file that `cdk deploy --outputs-file` wrote */
export function openDeployedVault({ endpoint }: Ministack, outputs: string): DeployedVault {
  const stacks: Record<string, Record<string, string>> = JSON.parse(readFileSync(outputs, 'utf8'));
  const publicUrl = Object.values(stacks).find(({ Url }) => Url !== undefined)?.Url ?? expect.fail('no output Url');
  const api = /^https?:\/\/(?<id>[^.]+)\./.exec(publicUrl)?.groups?.id ?? expect.fail(publicUrl);
  const url = `${endpoint}/_aws/execute-api/${api}/$default`;
  return {
    url,
    publicUrl,
    clientOf: (apiKey) => new Anima({ apiKey, baseURL: url, maxRetries: 4 }),
    async createOrg() {
      const request = {
        method: 'POST',
        url: new URL(`${url}/v1/orgs`),
        headers: { 'content-type': 'application/json' },
        body: '{}',
      };
      const headers = await signRequest(request, 'execute-api', credentials);
      const answer = await fetch(request.url, { method: 'POST', headers, body: request.body });
      expect(answer.status, await answer.clone().text()).toBe(201);
      return await answer.json();
    },
  };
}
