/** What a person allowed, from the audit: verified on this device (docs/approvals.md, section 9). */
import { activityLimits } from '../../../../contract/approvals/limits.ts';
import { usesOf } from '../../../../core/approvals/statement.ts';
import { verifyUse } from '../../../../core/approvals/use-proof.ts';
import type { DirectoryState } from '../../../../core/directory/directory-state.ts';
import { checkInteger, formatTimeArgument } from '../../shared/argument-validation.ts';
import { createError } from '../../shared/errors.ts';
import type { IncomingTripwires, IncomingUse } from '../requests/session-requests.ts';
import type { ApprovalParts } from './approval-parts.ts';
import type { Activity, ActivityPage, ActivityPageOptions, TripwireActivity, UseActivity } from './approval-types.ts';
import { requireApprover } from './require-approver.ts';

/** One page. @throws SessionError cannot_approve, directory_forked; AnimaError */
export async function readActivityPage(
  { engine, settings: toSettings }: ApprovalParts,
  { from, pageSize, cursor, ...options }: ActivityPageOptions,
): Promise<ActivityPage> {
  const limit = checkInteger('pageSize', pageSize, 1, activityLimits.pageMax);
  const query = { from: formatTimeArgument('from', from), limit, cursor };
  const settings = toSettings(options);
  return await engine.exclusive(async () => {
    const { person } = await requireApprover(engine, settings);
    const { directory, requests } = engine.context;
    const page = await requests.approvals.activity(query, settings);
    const uses = page.uses.flatMap((use) => toUse(directory.state, person, use) ?? []);
    const entries: Activity[] = [...uses, ...page.tripwires.map(toTripwire)];
    // Otherwise a service that repeats a cursor would cause an endless loop.
    if (page.cursor !== undefined && page.cursor === cursor)
      throw createError('unexpected_response', { detail: 'the same cursor came twice' });
    return {
      // Ids of records begin with their time.
      entries: entries.sort((a, b) => (a.id < b.id ? 1 : -1)),
      unverified: page.uses.length - uses.length,
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  });
}

function toUse(state: DirectoryState, person: string, incoming: IncomingUse): UseActivity | undefined {
  const proven = verifyUse(state, person, incoming);
  if (proven === undefined) return undefined;
  const { facts, device, answered } = proven;
  const { approval, host, method, values, keyId, agent, run, scope } = facts;
  const { id, time, result, upstream } = incoming;
  return {
    ...{ kind: 'use', id, time: timeOf(time), approval, host, method, keyId, agent, run },
    values: values.map(({ name, version, places }) => ({ name, version, places })),
    ...{ scope: scope.kind, uses: usesOf(scope), device, answered: new Date(answered) },
    ...(result === undefined ? {} : { result }),
    ...(upstream === undefined ? {} : { upstream }),
  };
}

function toTripwire(incoming: IncomingTripwires): TripwireActivity {
  const { id, time, names, principal, sourceIp, agent = '', run = '', result } = incoming;
  return { kind: 'tripwire', id, time: timeOf(time), names, principal, sourceIp, agent, run, result };
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw createError('unexpected_response', { detail: 'a field is not a time' });
}
