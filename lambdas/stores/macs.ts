import { GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { VaultError } from '../../contract/vault-error.ts';
import type { CodeMacs, CustodyMacs, RoutingMacs } from '../domain/user-ports.ts';
import { notRead } from './failures.ts';
import { orKeyUnavailable } from './kms-failures.ts';

/**
 * HMAC-SHA-256 by a key in KMS (HMAC_256). By the function's own role: such keys take no encryption context by which a session could be
 * limited to an org, so the org is a part of each message instead (core/user-macs.ts).
 */
async function mac(client: KMSClient, keyId: string, message: Uint8Array): Promise<Buffer> {
  const command = new GenerateMacCommand({ KeyId: keyId, Message: message, MacAlgorithm: 'HMAC_SHA_256' });
  const { Mac } = await orKeyUnavailable(notRead, () => client.send(command));
  if (Mac?.length !== 32) throw new VaultError('key_unavailable', { detail: notRead });
  return Buffer.from(Mac.buffer, Mac.byteOffset, Mac.byteLength);
}

/** The custody key: what opens slots of identities. */
export class KmsCustodyMacs implements CustodyMacs {
  readonly #client: KMSClient;
  readonly #keyId: string;

  constructor(client: KMSClient, keyId: string) {
    this.#client = client;
    this.#keyId = keyId;
  }

  custody(message: Uint8Array): Promise<Buffer> {
    return mac(this.#client, this.#keyId, message);
  }
}

/** The code key: what opens slots of passwords and of codes for linking. */
export class KmsCodeMacs implements CodeMacs {
  readonly #client: KMSClient;
  readonly #keyId: string;

  constructor(client: KMSClient, keyId: string) {
    this.#client = client;
    this.#keyId = keyId;
  }

  code(message: Uint8Array): Promise<Buffer> {
    return mac(this.#client, this.#keyId, message);
  }
}

/** The routing key: what finds them all. */
export class KmsRoutingMacs implements RoutingMacs {
  readonly #client: KMSClient;
  readonly #keyId: string;

  constructor(client: KMSClient, keyId: string) {
    this.#client = client;
    this.#keyId = keyId;
  }

  async locator(message: Uint8Array): Promise<string> {
    return (await mac(this.#client, this.#keyId, message)).toString('base64url');
  }
}
