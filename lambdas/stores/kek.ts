import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { VaultError } from '../../contract/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Kek } from '../domain/ports.ts';
import { notRead, orUnavailable } from './failures.ts';

/** The encryption context of a DEK (docs/format.md, section 2); the key's policy refuses a call without it. */
const contextOf = (org: string, version: number) => ({ org, dek: String(version) });

/** Not the wrapped DEK of this org and version: tampered with, moved, or another key's. */
const damaged = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);
/** The KEK exists no more or is locked away: waiting helps only when someone acts. */
const locked = new Set([
  'DisabledException',
  'KMSInvalidStateException',
  'NotFoundException',
  'KeyUnavailableException',
  'AccessDeniedException',
]);

/** The KEK in KMS. */
export class KmsKek implements Kek {
  readonly #client: KMSClient;
  readonly #keyId: string;

  constructor(client: KMSClient, keyId: string) {
    this.#client = client;
    this.#keyId = keyId;
  }

  async generate(org: string, version: number): Promise<{ secret: Uint8Array; wrapped: Uint8Array }> {
    const command = new GenerateDataKeyCommand({
      KeyId: this.#keyId,
      KeySpec: 'AES_256',
      EncryptionContext: contextOf(org, version),
    });
    const { Plaintext, CiphertextBlob } = await run('Nothing was stored.', () => this.#client.send(command));
    if (Plaintext === undefined || CiphertextBlob === undefined) throw new VaultError('key_unavailable');
    return { secret: Plaintext, wrapped: CiphertextBlob };
  }

  async unwrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array> {
    const command = new DecryptCommand({
      KeyId: this.#keyId,
      CiphertextBlob: wrapped,
      EncryptionContext: contextOf(org, version),
    });
    const { Plaintext } = await run(notRead, () => this.#client.send(command));
    if (Plaintext === undefined) throw new DecryptionError();
    return Plaintext;
  }
}

async function run<T>(detail: string, call: () => Promise<T>): Promise<T> {
  try {
    return await orUnavailable(detail, call);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (damaged.has(name)) throw new DecryptionError();
    if (locked.has(name)) throw new VaultError('key_unavailable', { detail });
    throw error;
  }
}
