/** Composes the functions `rotator` and `rotation-workflow`. */
import { lambdaClient } from '../aws/sdk-clients.ts';
import { Deks } from '../org-keys/keyring-opener.ts';
import type { Kek } from '../org-keys/keyring-ports.ts';
import { KeyringChanges, Rotations } from '../rotation/rotation-service.ts';
import type { RotationTasks } from '../rotation/rotation-starter.ts';
import { RotationWorkflow } from '../rotation/rotation-workflow.ts';
import { DynamoRotations } from '../rotation/stores/dynamo-rotations.ts';
import { DynamoSweep } from '../rotation/stores/dynamo-value-scan.ts';
import { Sweeping } from '../rotation/value-reencryption-scan.ts';
import { LambdaWorkflows } from '../shared/stores/lambda-workflow-client.ts';
import { clock, dynamo, gateOf, setting, tables } from './common.ts';
import { kek, keyrings } from './stores.ts';

export const rotationStore = () => new DynamoRotations(dynamo(), setting('rotationTable'));

export const rotationWorkflows = () => new LambdaWorkflows(lambdaClient(), setting('rotationFunction'));

const keyringChanges = (theKek: Kek, deks: Deks) => new KeyringChanges(theKek, keyrings(), deks, clock);

export function rotatorHost() {
  const theKek = kek();
  const deks = new Deks(theKek, clock);
  const changes = keyringChanges(theKek, deks);
  return {
    gate: gateOf(tables(), deks),
    rotations: new Rotations(changes, rotationStore(), rotationWorkflows(), clock),
  };
}

export function rotationWorkflowHost(): RotationTasks {
  const theKek = kek();
  const changes = keyringChanges(theKek, new Deks(theKek, clock));
  const sweeping = new Sweeping(changes, new DynamoSweep(dynamo(), setting('valueTable')), clock);
  return { changes, workflow: new RotationWorkflow(changes, sweeping, rotationStore(), clock) };
}
