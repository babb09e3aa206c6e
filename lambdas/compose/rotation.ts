/** Composes the functions `rotator` and `rotation-workflow`. */
import { createLambdaClient } from '../aws/sdk-clients.ts';
import type { KeyringOpener } from '../org-keys/keyring-opener.ts';
import type { Kek } from '../org-keys/keyring-ports.ts';
import { KeyringUpdater, RotationService } from '../rotation/rotation-service.ts';
import type { RotationTaskServices } from '../rotation/rotation-task-runner.ts';
import { RotationWorkflow } from '../rotation/rotation-workflow.ts';
import { DynamoRotations } from '../rotation/stores/dynamo-rotations.ts';
import { DynamoValueScan } from '../rotation/stores/dynamo-value-scan.ts';
import { ValueReencryptor } from '../rotation/value-reencryptor.ts';
import { LambdaWorkflowStarter } from '../shared/stores/lambda-workflow-starter.ts';
import { DynamoValueHistory } from '../values/stores/dynamo-value-history.ts';
import {
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { kek, keyrings } from './stores.ts';

export const rotationStore = () => new DynamoRotations(orgDynamoClients(), requireSetting('rotationTable'));

export const createRotationWorkflowStarter = () =>
  new LambdaWorkflowStarter(createLambdaClient(), requireSetting('rotationFunction'));

const createKeyringUpdater = (orgKek: Kek, keyringOpener: KeyringOpener) =>
  new KeyringUpdater(orgKek, keyrings(), keyringOpener, clock);

export function createRotatorServices() {
  const orgKek = kek();
  const keyringOpener = createKeyringOpener(orgKek);
  const keyringUpdater = createKeyringUpdater(orgKek, keyringOpener);
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), keyringOpener),
    rotations: new RotationService(keyringUpdater, rotationStore(), createRotationWorkflowStarter(), clock),
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
  return { keyringUpdater, workflow: new RotationWorkflow(keyringUpdater, reencryptor, rotationStore(), clock) };
}
