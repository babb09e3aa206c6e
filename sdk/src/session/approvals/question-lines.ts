/** What a device shows of a question, in the order of docs/format-approvals.md, section 2. */
import type { OpenedQuestion } from '../../../../core/approvals/question.ts';
import type { ShownRequest } from '../../../../core/approvals/shown-request.ts';
import type { ApprovalScope } from '../../../../core/approvals/statement.ts';
import { fromBase64 } from '../../../../core/encoding/bytes.ts';
import { canonicalJson } from '../../../../core/encoding/canonical-json.ts';
import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';

/** One line, in this order. Show them as text, never as markup. */
export interface QuestionLine {
  readonly kind:
    | 'host'
    | 'request'
    | 'values'
    | 'rules'
    | 'query'
    | 'headers'
    | 'auth'
    | 'body'
    | 'asker'
    | 'scope'
    | 'warning'
    | 'reason';
  /** For people, in English. */
  readonly label: string;
  readonly text: string;
}

/** A host is always in its ASCII form. */
const hostText = (host: string): string =>
  host.split('.').some((label) => label.startsWith('xn--'))
    ? `${escapeHidden(host)} (an international name in its ASCII form: it is not what it may look like elsewhere)`
    : escapeHidden(host);

const pathOf = (url: string): string => {
  const { pathname, search } = new URL(url);
  return pathname + search;
};

const entriesText = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, value]) => `${escapeHidden(name)}: ${escapeHidden(value)}`)
    .join('\n');

/** An agent must not hide what it sends from the person: bytes that are text are shown as text. */
function base64Line(bodyBase64: string): QuestionLine {
  const text = textOf(fromBase64(bodyBase64));
  return text === undefined
    ? { kind: 'body', label: 'Body, base64', text: escapeHidden(bodyBase64) }
    : { kind: 'body', label: 'Body, from base64', text: escapeHidden(text) };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function bodyLine({ body, bodyBase64, form, json, bodyDigest }: ShownRequest): QuestionLine | undefined {
  const line = (label: string, text: string): QuestionLine => ({ kind: 'body', label, text });
  if (bodyDigest !== undefined) {
    const { bytes, kind, sha256 } = bodyDigest;
    return line(
      'Body',
      `too long to show: ${bytes} bytes as ${escapeHidden(String(kind))}, SHA-256 ${escapeHidden(String(sha256))}`,
    );
  }
  if (body !== undefined) return line('Body', escapeHidden(body));
  if (bodyBase64 !== undefined) return base64Line(bodyBase64);
  if (form !== undefined) return line('Form', entriesText(form));
  return json === undefined ? undefined : line('JSON', escapeHidden(canonicalJson(json)));
}

function scopeText(scope: ApprovalScope, minutes: number, request: ShownRequest): string {
  if (scope.kind === 'once') return 'this request, once';
  const auth = request.auth === undefined ? 'without a signing scheme' : 'signed in the same way';
  const who = scope.kind === 'run' ? 'this run of the agent' : 'this agent';
  return `up to ${scope.uses} requests of ${who} to paths like ${escapeHidden(scope.path)}, for at most ${minutes} minutes, with any query, headers and body, and ${auth}`;
}

/** @param question judged before: nothing of a refused one is shown */
export function questionLines({ facts, request, reason, earlier, shares }: OpenedQuestion): readonly QuestionLine[] {
  const { host, method, values, keyId, agent, run, scope, asked, expires } = facts;
  const line = (kind: QuestionLine['kind'], label: string, text: string): QuestionLine => ({ kind, label, text });
  const optional = (kind: 'query' | 'headers', label: string, entries: Readonly<Record<string, string>> | undefined) =>
    entries === undefined || Object.keys(entries).length === 0 ? [] : [line(kind, label, entriesText(entries))];
  const used = values.map(
    ({ name, version, places }) => `${escapeHidden(name)}, version ${version}, in ${places.join(', ')}`,
  );
  const askers = [`key ${keyId}`, agent && `agent ${escapeHidden(agent)}`, run && `run ${escapeHidden(run)}`];
  const body = bodyLine(request);
  return [
    line('host', 'Host', hostText(host)),
    line('request', 'Request', `${escapeHidden(method)} ${escapeHidden(pathOf(request.url))}`),
    // The statement names no protocol: what it calls `host:8080` is either.
    ...(new URL(request.url).protocol === 'https:'
      ? []
      : [line('warning', 'Careful', 'it is sent by http, without encryption: others on the way can read it')]),
    line('values', 'Uses', used.join('\n')),
    ...shares.map(({ name, rules }) =>
      line('rules', 'Opened by a yes', `${escapeHidden(name)}, set with the rules ${escapeHidden(rules)}`),
    ),
    ...optional('query', 'Query', request.query),
    ...optional('headers', 'Headers', request.headers),
    ...(request.auth === undefined ? [] : [line('auth', 'Signed with', escapeHidden(canonicalJson(request.auth)))]),
    ...(body === undefined ? [] : [body]),
    line('asker', 'Asked by', askers.filter((one) => one !== '').join(', ')),
    line('scope', 'Allows', scopeText(scope, Math.ceil((expires - asked) / 60_000), request)),
    ...(earlier === ''
      ? []
      : [
          line(
            'warning',
            'Careful',
            `an earlier request of this key (${earlier}) has an unknown outcome: it may have had its effect`,
          ),
        ]),
    ...(reason === '' ? [] : [line('reason', 'The agent says', `“${escapeHidden(reason)}”`)]),
  ];
}
