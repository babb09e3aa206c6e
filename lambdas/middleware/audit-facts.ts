/** What a request leaves in the audit. Fields are named here, one by one: an event never reaches a record. */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import { auditVerbOf, type RouteId } from '../../contract/routes.ts';
import { callerHeaders } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { prefixProblem } from '../../contract/shared/name-patterns.ts';
import type { AuditFacts, AuditSubject } from '../shared/audit-trail.ts';
import type { Actor, ApiEvent, Call } from './request-context.ts';

/**
 * The facts of one request.
 * @param output what the route gave, when its result is `ok`
 */
export function factsOf(
  id: RouteId,
  call: Call,
  { org, principal }: Actor,
  result: AuditRecord['result'],
  output: unknown,
): AuditFacts {
  const { requestContext, headers } = call.event;
  const verb = auditVerbOf(id);
  if (verb === undefined) throw new Error(`the route ${id} is not one that is recorded`);
  return {
    org,
    principal,
    route: id,
    verb,
    ...cleaned(subjectOf(call, output)),
    result,
    requestId: requestContext.requestId,
    sourceIp: requestContext.http.sourceIp,
    ...callerOf(headers),
  };
}

function subjectOf(call: Call, output: unknown): AuditSubject {
  const { event, about } = call;
  if (typeof about === 'object') return about.length === 1 ? { name: about[0] } : { names: about };
  if (about !== undefined) return { name: about };
  const { name, id } = event.pathParameters ?? {};
  if (name !== undefined || id !== undefined) return { name: name ?? id };
  // The output is that of this very route; the compiler cannot follow the table of routes.
  return call.subject?.(output as Parameters<typeof call.subject>[0]) ?? {};
}

/** Names that the vault allows, and nothing else: a refused name may be any text. Ids have the form of names. */
function cleaned({ name, names = [], failed = [] }: AuditSubject): Pick<AuditFacts, 'name' | 'names' | 'failed'> {
  const allowed = (text: string) => prefixProblem(text) === undefined;
  const some = (list: readonly string[]) => list.filter(allowed);
  return {
    ...(name !== undefined && allowed(name) ? { name } : {}),
    ...(names.length > 0 ? { names: some(names) } : {}),
    ...(failed.length > 0 ? { failed: some(failed) } : {}),
  };
}

const callerId = new RegExp(`^[\\x21-\\x7e]{1,${limits.callerIdLength}}$`);

/** What the caller says of itself, where it is short and visible ASCII; what is not is left out. */
function callerOf(headers: ApiEvent['headers']): Pick<AuditFacts, 'agent' | 'run' | 'toolCall'> {
  const said = (header: string) => {
    const value = headers[header];
    return value !== undefined && callerId.test(value) ? value : undefined;
  };
  const agent = said(callerHeaders.agent);
  const run = said(callerHeaders.run);
  const toolCall = said(callerHeaders.toolCall);
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(run === undefined ? {} : { run }),
    ...(toolCall === undefined ? {} : { toolCall }),
  };
}
