/** A parsed request of the broker, before any value is read. */
import { fetchLimits } from '../../contract/broker/limits.ts';
import type { FetchRequest } from '../../contract/broker/wire.ts';
import { inShownOrder } from '../../core/approvals/shown-request.ts';
import { type AuthPlan, planAuth, type SignedAuth } from '../../egress/auth/auth-plan.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import { createDraft, type RequestDraft, type RequestTemplate } from '../../egress/requests/request-draft.ts';
import type { PlaceholderUse } from '../../egress/requests/request-placeholders.ts';
import type { Method } from '../../egress/rules/usage-rules.ts';

export interface PreparedFetch {
  readonly draft: RequestDraft;
  readonly method: Method;
  readonly auth: SignedAuth | undefined;
  readonly plan: AuthPlan | undefined;
  /** All uses of values: those of placeholders, then those of `auth`. */
  readonly uses: readonly PlaceholderUse[];
}

/** By request body, because authorization needs the names before the request is carried out. */
const preparations = new WeakMap<FetchRequest, PreparedFetch | UseRefusal>();

/** @throws UseRefusal */
export function prepareFetch(request: FetchRequest): PreparedFetch {
  let prepared = preparations.get(request);
  if (prepared === undefined) {
    prepared = prepareOrRefuse(request);
    preparations.set(request, prepared);
  }
  if (prepared instanceof UseRefusal) throw prepared;
  return prepared;
}

/** The names of the values that a request uses, without duplicates; empty if the request is malformed. */
export function valueNamesOf(request: FetchRequest): string[] {
  try {
    return [...new Set(prepareFetch(request).uses.map(({ reference }) => reference.name))];
  } catch (error) {
    if (error instanceof UseRefusal) return [];
    throw error;
  }
}

function prepareOrRefuse(request: FetchRequest): PreparedFetch | UseRefusal {
  try {
    return prepare(request);
  } catch (error) {
    if (error instanceof UseRefusal) return error;
    throw error;
  }
}

/** Whether a person was asked about the request: only then it can use a value that demands it. */
const isAnswered = ({ approval }: Pick<FetchRequest, 'approval'>): boolean =>
  approval !== undefined && 'id' in approval;

/** @param template that was validated, so that its JSON is not nested too deep */
const asShown = (template: RequestTemplate): RequestTemplate => ({
  ...template,
  query: inShownOrder(template.query),
  form: inShownOrder(template.form),
  json: inShownOrder(template.json),
});

function prepare({ auth, method = 'GET', headers = {}, query = {}, bodyBase64, ...rest }: FetchRequest): PreparedFetch {
  const bytes = bodyBase64 === undefined ? undefined : Buffer.from(bodyBase64, 'base64');
  if ((bytes?.length ?? 0) > fetchLimits.bodyBytes)
    throw new UseRefusal(`bodyBase64 has more than ${fetchLimits.bodyBytes} bytes`);
  const signed = auth?.type === 'basic' ? undefined : auth;
  const template = {
    ...rest,
    method,
    headers,
    query,
    bytes,
    basicAuth: auth?.type === 'basic' ? auth : undefined,
  };
  const given = createDraft(template);
  const draft = isAnswered(rest) ? createDraft(asShown(template)) : given;
  const plan = signed === undefined ? undefined : planAuth(signed);
  const reserved = Object.keys(headers).find((name) => plan?.headers.includes(name.toLowerCase()));
  if (reserved !== undefined) throw new UseRefusal(`The header ${reserved.toLowerCase()} is set by auth`);
  if (signed?.type === 'totp' && signed.in === 'form' && rest.form === undefined)
    throw new UseRefusal('auth.in is form, but the request has no form');
  const uses = [...draft.uses, ...(plan?.uses ?? [])];
  if (uses.length === 0) {
    throw new UseRefusal(
      'The request has no {{anima://path}} placeholder and no auth. This route is for requests that need a value',
    );
  }
  return { draft, method, auth: signed, plan, uses };
}
