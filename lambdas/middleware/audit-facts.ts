/** What a request leaves in the audit. Fields are named here, one by one: an event never reaches a record. */
import { callerHeaders } from '../../contract/environment.ts';
import { limits } from '../../contract/limits.ts';
import { prefixProblem } from '../../contract/names.ts';
import { type RouteId, recordedVerbOf } from '../../contract/routes.ts';
import type { RouteInput, RouteOutput } from '../../contract/schemas.ts';
import type { AuditRecord } from '../../contract/wire.ts';
import type { AuditFacts } from '../audit/audit-log-writer.ts';
import { subjectOfRef } from '../explain/explain-ref-parser.ts';
import type { Actor, ApiEvent, Call } from './request-context.ts';

/** What a request was about. */
interface Subject {
  readonly name?: string | undefined;
  readonly names?: readonly string[];
  readonly failed?: readonly string[];
}

/** Of routes whose path does not say it. The answer is undefined when there was none. */
type SubjectOf<Id extends RouteId> = (input: RouteInput<Id>, output: RouteOutput<Id> | undefined) => Subject;

const failedOf = (
  output: { readonly results: readonly { readonly name: string; readonly ok: boolean }[] } | undefined,
) => (output?.results ?? []).filter(({ ok }) => !ok).map(({ name }) => name);

const subjects: { readonly [Id in RouteId]?: SubjectOf<Id> } = {
  listValues: ({ query }) => ({ name: query.prefix }),
  queryAudit: ({ query }) => ({ name: query.name }),
  createKey: (_, output) => ({ name: output?.id }),
  createBlob: (_, output) => ({ name: output?.id }),
  createUser: (_, output) => ({ name: output?.user }),
  getValues: ({ body }, output) => ({ names: body.names, failed: failedOf(output) }),
  setValues: ({ body }, output) => ({ names: body.items.map(({ name }) => name), failed: failedOf(output) }),
  addMemory: ({ body }, output) => ({ name: output?.id ?? body.id }),
  addMemories: ({ body }, output) => ({
    names: (output?.results ?? body.items).flatMap(({ id }) => id ?? []),
    failed: (output?.results ?? []).flatMap(({ id, ok }) => (ok || id === undefined ? [] : [id])),
  }),
  explain: ({ query }) => ({ name: subjectOfRef(query.ref) }),
  explainOwn: ({ query }) => ({ name: subjectOfRef(query.ref) }),
};

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
  const verb = recordedVerbOf(id);
  if (verb === undefined) throw new Error(`the route ${id} is not one that is recorded`);
  return {
    org,
    principal,
    route: id,
    verb,
    ...cleaned(subjectOf(id, call, output)),
    result,
    requestId: requestContext.requestId,
    sourceIp: requestContext.http.sourceIp,
    ...callerOf(headers),
  };
}

function subjectOf(id: RouteId, { event, input, about }: Call, output: unknown): Subject {
  if (typeof about === 'object') return about.length === 1 ? { name: about[0] } : { names: about };
  if (about !== undefined) return { name: about };
  const { name, id: keyId } = event.pathParameters ?? {};
  if (name !== undefined || keyId !== undefined) return { name: name ?? keyId };
  // The row is of this very route; the compiler cannot follow the index.
  const subject = subjects[id] as SubjectOf<RouteId> | undefined;
  if (subject === undefined || input === undefined || input instanceof Error) return {};
  return subject(input, output as RouteOutput<RouteId> | undefined);
}

/** Names that the vault allows, and nothing else: a refused name may be any text. Ids have the form of names. */
function cleaned({ name, names = [], failed = [] }: Subject): Pick<AuditFacts, 'name' | 'names' | 'failed'> {
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
