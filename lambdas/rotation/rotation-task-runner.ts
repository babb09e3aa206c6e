/** Tasks of the rotation workflow function. */
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import type { WorkflowSteps } from '../shared/workflow-ports.ts';
import type { KeyringUpdater } from './rotation-service.ts';
import type { RotationWorkflow } from './rotation-workflow.ts';

export interface RotationTaskServices {
  readonly workflow: RotationWorkflow;
  readonly keyringUpdater: KeyringUpdater;
}

/**
 * Runs a task. `{task: 'rotate', org, from}` rotates an org away from DEK version `from`. `{task: 'rewrap', org}`
 * re-wraps all its DEKs with the current KEK, without changing values; an operator uses it to move an org to a new KEK.
 * @throws Error for any other input; the error of a step that failed permanently
 */
export async function runRotationTask(
  tasks: RotationTaskServices,
  input: unknown,
  steps: WorkflowSteps,
): Promise<object> {
  const { task, org, from } = toFields(input);
  if (typeof org !== 'string' || !isOpaqueId(org)) throw new Error('the input names no org');
  if (task === 'rewrap') return { rewrapped: await steps.step('rewrap', () => tasks.keyringUpdater.rewrap(org)) };
  if (task !== 'rotate' || typeof from !== 'number' || !Number.isSafeInteger(from)) throw new Error('no such task');
  return await tasks.workflow.run({ task, org, from }, steps);
}

const toFields = (input: unknown): Record<string, unknown> =>
  typeof input === 'object' && input !== null ? { ...input } : {};
