/** The HMAC operations of the KMS emulator. Source: AWS KMS API reference, 2014-11-01; RFC 2104. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ServiceError } from '../shared/errors.ts';
import { base64, bytes, common, keyId, refuseDryRun } from './encryption-operations.ts';
import { type Caller, type KmsKeyRegistry, keyArn, requireUsable } from './key-registry.ts';
import type { KeyRecord } from './key-store.ts';
import { operation } from './kms-operation.ts';

const algorithm = 'HMAC_SHA_256';
const macInput = {
  KeyId: keyId,
  Message: bytes(4096),
  MacAlgorithm: z.enum(['HMAC_SHA_224', algorithm, 'HMAC_SHA_384', 'HMAC_SHA_512']),
  ...common,
};

export const macOperations = {
  GenerateMac: operation(z.strictObject(macInput), (keyring, input, caller) => {
    const key = findMacKey(keyring, input, 'GenerateMac', caller);
    refuseDryRun(input);
    return { KeyId: keyArn(key.keyId), Mac: base64(macOf(key, input.Message)), MacAlgorithm: algorithm };
  }),

  VerifyMac: operation(z.strictObject({ ...macInput, Mac: bytes(6144) }), (keyring, input, caller) => {
    const key = findMacKey(keyring, input, 'VerifyMac', caller);
    refuseDryRun(input);
    const mac = macOf(key, input.Message);
    if (input.Mac.length !== mac.length || !timingSafeEqual(input.Mac, mac)) {
      throw new ServiceError('KMSInvalidMacException', '');
    }
    return { KeyId: keyArn(key.keyId), MacValid: true, MacAlgorithm: algorithm };
  }),
};

function findMacKey(
  keyring: KmsKeyRegistry,
  { KeyId, MacAlgorithm }: { KeyId: string; MacAlgorithm: string },
  action: string,
  caller: Caller,
): KeyRecord {
  const key = keyring.find(KeyId, 'key-or-alias');
  keyring.authorize(key, action, caller);
  requireUsable(key, 'GENERATE_VERIFY_MAC');
  // Each key spec has one algorithm; HMAC_SHA_256 is the algorithm of HMAC_256.
  if (MacAlgorithm === algorithm) return key;
  throw new ServiceError('InvalidKeyUsageException', `${keyArn(key.keyId)} is not valid for ${MacAlgorithm}.`);
}

/** HMAC keys are not rotated, so there is only one version. */
const macOf = (key: KeyRecord, message: Buffer): Buffer =>
  createHmac('sha256', Buffer.from(key.backingKeys[0]?.material ?? '', 'base64'))
    .update(message)
    .digest();
