/**
 * A small AWS KMS: keys that encrypt, sign, or authenticate, AWS JSON 1.1. It refuses what KMS refuses, by KMS's error
 * names, wherever its callers depend on it: context, key state, key policy. Its keys are files instead of a hardware module, and that is all that
 * it is not.
 */
import type { ServiceEngine } from '../endpoint/service-engine.ts';
import { jsonProtocol } from '../endpoint/wire-protocols.ts';
import { ServiceError } from '../shared/errors.ts';
import { cryptographicOperations } from './encryption-operations.ts';
import { administrativeOperations } from './key-administration.ts';
import type { KmsKeyRegistry } from './key-registry.ts';
import type { KmsOperation } from './kms-operation.ts';
import { macOperations } from './mac-operations.ts';
import { signingOperations } from './signing-operations.ts';

const operations: Record<string, KmsOperation> = {
  ...administrativeOperations,
  ...cryptographicOperations,
  ...signingOperations,
  ...macOperations,
};

export function kmsEngine(keyring: KmsKeyRegistry): ServiceEngine {
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
