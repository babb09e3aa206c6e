/**
 * A KMS emulator (AWS JSON 1.1) with keys for encryption, signatures and HMACs. It rejects requests with the same error
 * names as KMS where callers depend on it: encryption context, key state, key policy. Keys are stored in files instead
 * of a hardware module.
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
