/** Composes what starts a rotation after a write. Separate from rotation.ts, which needs the AWS SDK. */
import { RotationTrigger } from '../rotation/rotation-trigger.ts';
import { DynamoMessageCounter } from '../rotation/stores/dynamo-message-counter.ts';
import { LambdaWorkflowStarter } from '../shared/stores/lambda-workflow-starter.ts';
import { clock, lazy, orgDynamoClients, requireSetting } from './common.ts';

export const createRotationWorkflowStarter = () => new LambdaWorkflowStarter(requireSetting('rotationFunction'));

export const createRotationTrigger = () =>
  new RotationTrigger(
    { days: Number(requireSetting('rotationDays')), messages: Number(requireSetting('rotationMessages')) },
    lazy(() => createRotationWorkflowStarter()),
    lazy(() => new DynamoMessageCounter(orgDynamoClients(), requireSetting('rotationTable'))),
    clock,
  );
