/**
 * Peers from npm, each used as in its documentation. They are only in bench/package.json, so the compiler does not have
 * their types unless they are installed. The types in use are declared here.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { type Contender, owner, sealAhead } from './contender.ts';

interface AwsCrypto {
  CommitmentPolicy: { REQUIRE_ENCRYPT_REQUIRE_DECRYPT: string };
  RawAesWrappingSuiteIdentifier: { AES256_GCM_IV12_TAG16_NO_PADDING: number };
  AlgorithmSuiteIdentifier: { ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY: number };
  RawAesKeyringNode: new (options: object) => object;
  NodeCachingMaterialsManager: new (options: object) => object;
  getLocalCryptographicMaterialsCache(capacity: number): object;
  buildClient(policy: string): {
    encrypt(materials: object, plaintext: Uint8Array, options: object): Promise<{ result: Buffer }>;
    decrypt(materials: object, sealed: Uint8Array): Promise<{ plaintext: Buffer }>;
  };
}

export const awsEncryptionSdk: Contender = async (plaintext) => {
  const sdk: AwsCrypto = await import(String('@aws-crypto/client-node'));
  const { encrypt, decrypt } = sdk.buildClient(sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const materials = new sdk.NodeCachingMaterialsManager({
    backingMaterials: new sdk.RawAesKeyringNode({
      keyName: 'bench',
      keyNamespace: 'bench',
      // It rejects bytes that share a buffer with others, such as those of the Buffer pool.
      unencryptedMasterKey: new Uint8Array(randomBytes(32)),
      wrappingSuite: sdk.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    }),
    cache: sdk.getLocalCryptographicMaterialsCache(100),
    maxAge: 3_600_000,
    maxMessagesEncrypted: 1_000_000_000,
    partition: 'bench',
  });
  const options = {
    encryptionContext: { ...owner, version: '1' },
    plaintextLength: plaintext.length,
    // The default suite signs. The other contenders do not, so this suite has no signature.
    suiteId: sdk.AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
  };
  const seal = async (): Promise<string> => (await encrypt(materials, plaintext, options)).result.toString('base64');
  const next = await sealAhead(seal);
  return {
    name: 'AWS Encryption SDK',
    seal,
    open: async () => (await decrypt(materials, Buffer.from(next(), 'base64'))).plaintext,
  };
};

interface Cloak {
  generateKey(): string;
  parseKey(key: string): Promise<object>;
  encryptString(text: string, key: object): Promise<string>;
  decryptString(sealed: string, key: object): Promise<string>;
}

/** Supports only text and no AAD, so it does less work than the others. */
export const cloak: Contender = async (plaintext) => {
  const { generateKey, parseKey, encryptString, decryptString }: Cloak = await import(String('@47ng/cloak'));
  const key = await parseKey(generateKey());
  const text = plaintext.toString('latin1');
  const seal = (): Promise<string> => encryptString(text, key);
  const next = await sealAhead(seal);
  return { name: 'cloak', seal, open: async () => Buffer.from(await decryptString(next(), key), 'latin1') };
};

interface Jose {
  CompactEncrypt: new (
    plaintext: Uint8Array,
  ) => { setProtectedHeader(header: object): { encrypt(key: KeyObject): Promise<string> } };
  compactDecrypt(sealed: string, key: KeyObject): Promise<{ plaintext: Uint8Array }>;
}

export const jose: Contender = async (plaintext) => {
  const { CompactEncrypt, compactDecrypt }: Jose = await import(String('jose'));
  const key = createSecretKey(randomBytes(32));
  const header = { alg: 'dir', enc: 'A256GCM', ...owner };
  const seal = (): Promise<string> => new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(key);
  const next = await sealAhead(seal);
  return { name: 'jose', seal, open: async () => (await compactDecrypt(next(), key)).plaintext };
};

interface Sodium {
  readonly ready: Promise<void>;
  randombytes_buf(length: number): Uint8Array;
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    plaintext: Uint8Array,
    aad: Uint8Array,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): Uint8Array;
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    secretNonce: null,
    sealed: Uint8Array,
    aad: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): Uint8Array;
}

export const libsodium: Contender = async (plaintext) => {
  const { default: sodium }: { default: Sodium } = await import(String('libsodium-wrappers-sumo'));
  await sodium.ready;
  const key = new Uint8Array(randomBytes(32));
  const aad = Buffer.from(`vault.value:${owner.org}:${owner.name}:1`);
  const seal = (): string => {
    const nonce = sodium.randombytes_buf(24);
    const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key);
    return Buffer.concat([nonce, sealed]).toString('base64');
  };
  const next = await sealAhead(seal);
  return {
    name: 'libsodium',
    seal,
    open: () => {
      const bytes = Buffer.from(next(), 'base64');
      const [nonce, sealed] = [bytes.subarray(0, 24), bytes.subarray(24)];
      return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, aad, nonce, key);
    },
  };
};
