import { findApprover } from '../../../../core/approvals/approval-keys.ts';
import type { Participant } from '../../../../core/directory/may-write.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { SessionEngine } from '../session-engine.ts';
import { sessionError } from '../session-errors.ts';

/** Follows the directory. @returns this device, which it must let approve @throws SessionError cannot_approve, directory_forked */
export async function requireApprover(engine: SessionEngine, settings: CallSettings): Promise<Participant> {
  const { directory, own, clock } = engine.context;
  await engine.follow(settings);
  if (directory.isForked) throw sessionError('directory_forked');
  const approver = findApprover(directory.state, own.device.id, clock.now());
  if (approver === undefined) throw sessionError('cannot_approve');
  return approver;
}
