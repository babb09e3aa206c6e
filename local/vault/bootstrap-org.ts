/**
 * The first organization and its API keys. They are created once through the API and stored encrypted in the data
 * folder.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { routes } from '../../contract/routes.ts';
import type { ServiceEngine } from '../aws/endpoint/service-engine.ts';
import type { Credentials, Principal } from '../aws/iam/credential-store.ts';
import { signRequest } from '../aws/iam/signature-v4.ts';
import { readFileIfExists, writeFileAtomically } from '../aws/shared/durable-files.ts';
import { LocalError, ServiceError } from '../aws/shared/errors.ts';

const bootstrapOrgSchema = z.object({ org: z.string(), adminKey: z.string(), agentKey: z.string() });

/** Printed at every start. */
export type BootstrapOrg = z.infer<typeof bootstrapOrgSchema>;

const jsonHeaders = { 'content-type': 'application/json' };
const createOrgResponse = z.object({ org: z.string(), adminKey: z.object({ key: z.string() }) });
const createKeyResponse = z.object({ key: z.string() });

/** Returns the stored organization, or creates it. Without a file, it is created and not stored. */
export async function ensureBootstrapOrg(options: {
  readonly url: string;
  readonly operator: Credentials;
  readonly vaultFile: EncryptedFile | null;
}): Promise<BootstrapOrg> {
  const { url, operator, vaultFile } = options;
  const kept = await vaultFile?.read();
  if (kept !== undefined) return bootstrapOrgSchema.parse(kept);
  const keys = await createBootstrapOrg(url, operator);
  await vaultFile?.write(keys);
  return keys;
}

async function createBootstrapOrg(baseUrl: string, operator: Credentials): Promise<BootstrapOrg> {
  const orgUrl = new URL(routes.createOrg.path, baseUrl);
  const request = { method: routes.createOrg.method, headers: jsonHeaders, body: '{}' };
  const headers = await signRequest({ ...request, url: orgUrl }, 'execute-api', operator);
  const { org, adminKey } = createOrgResponse.parse(await requestJson(orgUrl, { ...request, headers }));
  const agent = await requestJson(new URL(routes.createKey.path, baseUrl), {
    method: routes.createKey.method,
    headers: { ...jsonHeaders, authorization: `Bearer ${adminKey.key}` },
    body: JSON.stringify({ role: 'agent', name: 'first agent' }),
  });
  return { org, adminKey: adminKey.key, agentKey: createKeyResponse.parse(agent).key };
}

async function requestJson(url: URL, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  throw new LocalError(
    `The first organization was not created: ${init.method} ${url.pathname} returned ${response.status} ${text}. ` +
      `The data folder was not changed. The function's log has the cause. Fix it and start again.`,
  );
}

/** A file that only the KMS emulator of this data folder can decrypt. */
export interface EncryptedFile {
  read(): Promise<unknown>;
  write(content: unknown): Promise<void>;
}

const ciphertextSchema = z.object({ CiphertextBlob: z.base64() });
const plaintextSchema = z.object({ Plaintext: z.base64() });

/** @param keyId a key that is not in the template, so that no key policy of the template affects this file */
export function kmsEncryptedFile(
  folder: string,
  kms: ServiceEngine,
  keyId: string,
  principal: Principal,
): EncryptedFile {
  const path = join(folder, 'first-keys.sealed');
  const EncryptionContext = { purpose: 'first-keys' };
  const call = async (action: string, input: object): Promise<unknown> =>
    JSON.parse((await kms.run({ action, input, principal })).body);
  return {
    async read() {
      const CiphertextBlob = readFileIfExists(path);
      if (CiphertextBlob === undefined) return undefined;
      try {
        const { Plaintext } = plaintextSchema.parse(await call('Decrypt', { CiphertextBlob, EncryptionContext }));
        return JSON.parse(Buffer.from(Plaintext, 'base64').toString());
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        throw new LocalError(
          `${path} cannot be decrypted (${error.type}): it was not encrypted with the keys in ${join(folder, 'kms')}. ` +
            `Nothing was changed. Restore the original kms folder, or start with a new data folder (--data).`,
        );
      }
    },
    async write(content) {
      const Plaintext = Buffer.from(JSON.stringify(content)).toString('base64');
      const { CiphertextBlob } = ciphertextSchema.parse(
        await call('Encrypt', { KeyId: keyId, Plaintext, EncryptionContext }),
      );
      writeFileAtomically(path, CiphertextBlob);
    },
  };
}
