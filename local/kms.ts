/**
 * A small AWS KMS: keys that encrypt, sign, or authenticate, AWS JSON 1.1. It refuses what KMS refuses, by KMS's error
 * names, wherever the vault depends on it: context, key state, key policy. Its keys are files instead of a hardware module, and that is all that
 * it is not.
 */
import type { Engine } from './engine.ts';
import { ServiceError } from './errors.ts';
import { administrativeOperations } from './kms-admin.ts';
import { cryptographicOperations } from './kms-crypto.ts';
import type { KmsKeyring } from './kms-keyring.ts';
import { macOperations } from './kms-mac.ts';
import type { KmsOperation } from './kms-operation.ts';
import { signingOperations } from './kms-signing.ts';
import { jsonProtocol } from './protocols.ts';

const operations: Record<string, KmsOperation> = {
  ...administrativeOperations,
  ...cryptographicOperations,
  ...signingOperations,
  ...macOperations,
};

export function kmsEngine(keyring: KmsKeyring): Engine {
  return {
    service: 'kms',
    protocol: jsonProtocol('TrentService.', '1.1'),
    async run({ action, input, principal }) {
      const run = Object.hasOwn(operations, action) ? operations[action] : undefined;
      if (run === undefined) {
        throw new ServiceError('UnknownOperationException', `The KMS emulator has no operation ${action}`);
      }
      const answer = run(keyring, input, { principalArn: principal.arn });
      return { status: 200, body: JSON.stringify(answer) };
    },
  };
}
