import { hash } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import {
  assembleCompactJws,
  jwsSigningInput,
  type PublicJwk,
  publicJwkFromSpki,
  verifyJws,
} from '../../../core/signing/jws.ts';
import type { PublicKeySource, Signer } from '../ports.ts';
import { mapKmsErrors } from './kms-error-mapping.ts';

const notSignedDetail = 'Nothing was signed. Send the same request again.';

/** The deployment's signing key in KMS (ECC_NIST_P256). Its private key never leaves KMS. */
export class KmsSigner implements Signer, PublicKeySource {
  readonly #client: KMSClient;
  readonly #keyId: string;
  #cachedPublicKey: Promise<PublicJwk> | undefined;

  constructor(client: KMSClient, keyId: string) {
    this.#client = client;
    this.#keyId = keyId;
  }

  async list(): Promise<readonly PublicJwk[]> {
    return [await this.#publicKey()];
  }

  async sign(payload: object, typ: string): Promise<string> {
    const key = await this.#publicKey();
    const input = jwsSigningInput(payload, typ, key.kid);
    const command = new SignCommand({
      KeyId: this.#keyId,
      SigningAlgorithm: 'ECDSA_SHA_256',
      // The digest is signed, because KMS accepts messages of at most 4,096 bytes.
      MessageType: 'DIGEST',
      Message: hash('sha256', input, 'buffer'),
    });
    const { Signature } = await mapKmsErrors(notSignedDetail, () => this.#client.send(command));
    if (Signature === undefined) throw new VaultError('unavailable', { detail: notSignedDetail });
    const jws = assembleCompactJws(input, Signature);
    // A statement that cannot be verified must not be returned.
    if (verifyJws(jws, [key], typ) === undefined) throw new VaultError('unavailable', { detail: notSignedDetail });
    return jws;
  }

  /** Cached, because the public key of a KMS key never changes. */
  #publicKey(): Promise<PublicJwk> {
    if (this.#cachedPublicKey === undefined) {
      const reading = this.#readPublicKey();
      reading.catch(() => {
        this.#cachedPublicKey = undefined;
      });
      this.#cachedPublicKey = reading;
    }
    return this.#cachedPublicKey;
  }

  async #readPublicKey(): Promise<PublicJwk> {
    const command = new GetPublicKeyCommand({ KeyId: this.#keyId });
    const { PublicKey } = await mapKmsErrors(notSignedDetail, () => this.#client.send(command));
    if (PublicKey === undefined) throw new VaultError('unavailable', { detail: notSignedDetail });
    return publicJwkFromSpki(PublicKey);
  }
}
