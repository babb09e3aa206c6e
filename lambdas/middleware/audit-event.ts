/** Builds audit records. Fields are listed one by one; the event itself never becomes part of a record. */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import { auditVerbOf, type RouteId } from '../../contract/routes.ts';
import { callerHeaders } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { prefixProblem } from '../../contract/shared/name-patterns.ts';
import type { AuditEvent, AuditSubject } from '../shared/audit-log.ts';
import type { ApiEvent, AuditActor, RequestState } from './request-state.ts';

/** Builds the audit event of one request. @param output the route's output if `result` is `ok` */
export function buildAuditEvent(
  id: RouteId,
  state: RequestState,
  { org, principal, login, subject }: AuditActor,
  result: AuditRecord['result'],
  output: unknown,
): AuditEvent {
  const { requestContext, headers } = state.event;
  const verb = auditVerbOf(id);
  const named = resolveSubject(state, output);
  if (verb === undefined) throw new Error(`the route ${id} is not audited`);
  return {
    org,
    principal,
    ...(login === undefined ? {} : { login }),
    ...(subject === undefined ? {} : { subject }),
    route: id,
    verb,
    ...keepValidNames(named),
    ...named.use,
    ...(state.upstream === undefined ? {} : { upstream: state.upstream }),
    ...state.approval,
    ...(state.tripwires === undefined ? {} : { tripwires: state.tripwires }),
    result,
    requestId: requestContext.requestId,
    sourceIp: requestContext.http.sourceIp,
    ...(state.viewerIp === undefined ? {} : { viewerIp: state.viewerIp }),
    ...parseCallerIds(headers),
  };
}

function resolveSubject(call: RequestState, output: unknown): AuditSubject {
  const { event, auditSubject } = call;
  if (typeof auditSubject === 'object')
    return auditSubject.length === 1 ? { name: auditSubject[0] } : { names: auditSubject };
  if (auditSubject !== undefined) return { name: auditSubject };
  const { name, id } = event.pathParameters ?? {};
  if (name !== undefined || id !== undefined) return { name: name ?? id };
  // The output belongs to this route; the compiler cannot infer that from the route table.
  return call.subject?.(output as Parameters<typeof call.subject>[0]) ?? {};
}

/** Keeps only valid names, because a rejected name can be any text. IDs have the format of names. */
function keepValidNames({
  name,
  names = [],
  failed = [],
}: AuditSubject): Pick<AuditEvent, 'name' | 'names' | 'failed'> {
  const isValid = (text: string) => prefixProblem(text) === undefined;
  const keepValid = (list: readonly string[]) => list.filter(isValid);
  return {
    ...(name !== undefined && isValid(name) ? { name } : {}),
    ...(names.length > 0 ? { names: keepValid(names) } : {}),
    ...(failed.length > 0 ? { failed: keepValid(failed) } : {}),
  };
}

const callerIdPattern = new RegExp(`^[\\x21-\\x7e]{1,${limits.callerIdLength}}$`);

/** Identifiers that the caller sent in headers. Values that are too long or not visible ASCII are omitted. */
export function parseCallerIds(headers: ApiEvent['headers']): Pick<AuditEvent, 'agent' | 'run' | 'toolCall'> {
  const parseHeader = (header: string) => {
    const value = headers[header];
    return value !== undefined && callerIdPattern.test(value) ? value : undefined;
  };
  const agent = parseHeader(callerHeaders.agent);
  const run = parseHeader(callerHeaders.run);
  const toolCall = parseHeader(callerHeaders.toolCall);
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(run === undefined ? {} : { run }),
    ...(toolCall === undefined ? {} : { toolCall }),
  };
}
