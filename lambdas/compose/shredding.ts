/** Composes the functions `shredder` and `shred-workflow`. */
import { createBackupClients } from '../aws/sdk-clients.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import { DynamoValueScan } from '../rotation/stores/dynamo-value-scan.ts';
import { LambdaWorkflowStarter } from '../shared/stores/lambda-workflow-starter.ts';
import { unavailableWorkflowStarter } from '../shared/workflow-ports.ts';
import { ShredReceiptService } from '../shredding/shred-receipt-service.ts';
import { ShredService } from '../shredding/shred-service.ts';
import type { ShredWorkflowServices } from '../shredding/shred-workflow.ts';
import { createBackupFinder } from '../shredding/stores/aws-backup-finder.ts';
import { ValueDestructionService } from '../shredding/value-destruction-service.ts';
import {
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  keyringVerifier,
  orgDynamoClients,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { createBlobPurger, createUserPurger, keyrings, signer, valueStores } from './stores.ts';

const createShredWorkflowStarter = () => new LambdaWorkflowStarter(requireSetting('shredFunction'));

const createShredReceiptService = () =>
  new ShredReceiptService(
    keyrings(),
    keyringVerifier(),
    {
      orgs: createBackupFinder(createBackupClients(), {
        name: requireSetting('keyringTable'),
        arn: requireSetting('keyringTableArn'),
      }),
      users: createBackupFinder(createBackupClients(), {
        name: requireSetting('userKeyringTable'),
        arn: requireSetting('userKeyringTableArn'),
      }),
    },
    {
      values: new DynamoValueScan(orgDynamoClients(), requireSetting('valueTable')),
      blobs: createBlobPurger(),
      users: createUserPurger(),
    },
    signer(),
    clock,
  );

export function createShredderServices() {
  const findValueBackups = createBackupFinder(createBackupClients(), {
    name: requireSetting('valueTable'),
    arn: requireSetting('valueTableArn'),
  });
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek)),
    shredService: new ShredService(
      keyrings(),
      keyringVerifier(),
      createBlobPurger(),
      createUserPurger(),
      createShredReceiptService(),
      createShredWorkflowStarter(),
      clock,
    ),
    destructionService: new ValueDestructionService(valueStores(), findValueBackups, signer(), clock),
  };
}

export function createShredWorkflowServices(): ShredWorkflowServices {
  const receiptService = createShredReceiptService();
  const blobPurger = createBlobPurger();
  const userPurger = createUserPurger();
  // The workflow completes shreddings and starts no further workflow.
  const shredService = new ShredService(
    keyrings(),
    keyringVerifier(),
    blobPurger,
    userPurger,
    receiptService,
    unavailableWorkflowStarter,
    clock,
  );
  return { shredService, blobPurger, userPurger, receiptService, clock };
}
