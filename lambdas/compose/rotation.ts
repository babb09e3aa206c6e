/** Composes the functions `rotator` and `rotation-workflow`. */
import { createOrgDocumentClients } from '../aws/document-clients.ts';
import { createOrgKmsSdkClients } from '../aws/sdk-clients.ts';
import type { KeyringOpener } from '../org-keys/keyring-opener.ts';
import type { Kek } from '../org-keys/keyring-ports.ts';
import { KmsKekRewrapper } from '../org-keys/stores/kms-kek-rewrapper.ts';
import { KeyringUpdater, RotationService } from '../rotation/rotation-service.ts';
import type { RotationTaskServices } from '../rotation/rotation-task-runner.ts';
import { RotationWorkflow } from '../rotation/rotation-workflow.ts';
import { DynamoRotationProgress } from '../rotation/stores/dynamo-rotation-progress.ts';
import { DynamoValueScan } from '../rotation/stores/dynamo-value-scan.ts';
import { ValueReencryptor } from '../rotation/value-reencryptor.ts';
import { DynamoValueHistory } from '../values/stores/dynamo-value-history.ts';
import {
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  orgSessions,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { createRotationWorkflowStarter } from './rotation-trigger.ts';
import { kek, keyrings } from './stores.ts';

const createRotationProgress = () =>
  new DynamoRotationProgress(createOrgDocumentClients(orgSessions()), requireSetting('rotationTable'));

const createKeyringUpdater = (orgKek: Kek, keyringOpener: KeyringOpener) =>
  new KeyringUpdater(
    orgKek,
    new KmsKekRewrapper(createOrgKmsSdkClients(orgSessions()), requireSetting('kekId')),
    keyrings(),
    keyringOpener,
    clock,
  );

export function createRotatorServices() {
  const orgKek = kek();
  const keyringOpener = createKeyringOpener(orgKek);
  const keyringUpdater = createKeyringUpdater(orgKek, keyringOpener);
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), keyringOpener),
    rotations: new RotationService(keyringUpdater, createRotationProgress(), createRotationWorkflowStarter(), clock),
  };
}

export function createRotationWorkflowServices(): RotationTaskServices {
  const orgKek = kek();
  const keyringUpdater = createKeyringUpdater(orgKek, createKeyringOpener(orgKek));
  const reencryptor = new ValueReencryptor(
    keyringUpdater,
    new DynamoValueScan(orgDynamoClients(), requireSetting('valueTable')),
    new DynamoValueHistory(orgDynamoClients(), requireSetting('valueTable')),
    clock,
  );
  return {
    keyringUpdater,
    workflow: new RotationWorkflow(keyringUpdater, reencryptor, createRotationProgress(), clock),
  };
}
