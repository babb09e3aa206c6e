/**
 * A service of device vaults as a `fetch`: the log and the vaults of one user. It verifies what docs/device-service.md
 * says that the service verifies, with the code of core. Hooks let a test answer in another way.
 */
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { isRosterKind, parseSignedEntry, type SignedEntry } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../../core/devices/chain-state.ts';
import { keyWrapsHash } from '../../../core/devices/key-wraps.ts';
import { parseRequestSignature, verifyDeviceRequest } from '../../../core/devices/request-signature.ts';
import { parseRosterBody } from '../../../core/devices/roster-body.ts';
import { type Bytes, equalBytes, fromBase64, toBase64, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { baseURL, json, owner, problem, userKey } from '../fake-fetch.ts';

/** What the service keeps of a vault. */
export interface ServedVault {
  state: ChainState;
  readonly log: { entry: Bytes; wraps?: Bytes | undefined; recoveryBox?: Bytes | undefined }[];
}

/** A request after its credential was verified. */
export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  readonly vault: string;
  /** The device that signed; undefined with the user's credential. */
  readonly device: string | undefined;
}

/** The message that comes with an entry `add`, in base64. */
export interface SentApproval {
  readonly pairing: string;
  readonly message: string;
}

/** Where messages that come with entries are stored. */
export interface ApprovalPlaces {
  /** The code of a refusal, before the entry is stored. */
  refusal(vault: string, approval: SentApproval): 'pairing_not_found' | 'pairing_conflict' | undefined;
  /** Does nothing if the pairing has ended. */
  add(vault: string, approval: SentApproval): void;
}

/** Routes that another file adds. Undefined if it is none of them. */
export type MoreRoutes = (request: ServedRequest) => Promise<Response | undefined>;

const notFound = () => problem('device_vault_not_found');

export class FakeDeviceService {
  readonly vaults = new Map<string, ServedVault>();
  /** Milliseconds by which its clock is ahead. */
  clockOffset = 0;
  pageSize = 1000;
  more: MoreRoutes | undefined;
  pairings: ApprovalPlaces | undefined;
  /** Called after an entry was stored, before its message is. A thrown error is a lost answer. */
  beforeMessage: (() => void) | undefined;
  /** All requests, in order: `POST /v1/device-vaults/…/log`. */
  readonly seen: string[] = [];
  /** Called before a request is served. A thrown error is a broken connection; a response is sent in its place. */
  before: ((request: ServedRequest) => Response | undefined | Promise<Response | undefined>) | undefined;
  /** Called with the response of a request. A thrown error is a lost answer. */
  after: ((request: ServedRequest, response: Response) => Response | Promise<Response>) | undefined;

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input));
    if (url.origin !== baseURL) throw new Error('another host');
    const method = init.method ?? 'GET';
    this.seen.push(`${method} ${url.pathname}`);
    const text = typeof init.body === 'string' ? init.body : '';
    const device = await this.#authenticate(method, url, text, new Headers(init.headers));
    if (device instanceof Response) return device;
    const [, , , vault = ''] = url.pathname.split('/');
    const body: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
    const request = { method, path: url.pathname, query: url.searchParams, body, vault, ...device };
    const response = (await this.before?.(request)) ?? (await this.#serve(request));
    return (await this.after?.(request, response)) ?? response;
  };

  async #authenticate(method: string, url: URL, text: string, headers: Headers) {
    if (headers.get('authorization') === `Bearer ${userKey}`) return { device: undefined };
    const claimed = parseRequestSignature(Object.fromEntries(headers));
    const served = this.vaults.get(claimed?.scope.vault ?? '');
    const member = served?.state.members.get(claimed?.device ?? '');
    const target = { method, authority: url.host, path: url.pathname, query: url.search.replace(/^\?/, '') };
    const digest = headers.get('content-digest') ?? undefined;
    const isPlace = claimed !== undefined && url.pathname.split('/')[3] === claimed.scope.vault;
    if (!isPlace || member === undefined) return problem('device_refused');
    if (!(await verifyDeviceRequest(member.ecdsa, target, utf8Bytes(text), digest, claimed)))
      return problem('device_refused');
    const now = Date.now() + this.clockOffset;
    if (Math.abs(claimed.created * 1000 - now) > 60_000)
      return problem('request_expired', {}, { date: new Date(now).toUTCString() });
    return { device: claimed.device };
  }

  async #serve(request: ServedRequest): Promise<Response> {
    const { method, path, vault, device } = request;
    if (path === '/v1/device-vaults') return method === 'POST' ? await this.#create(request) : this.#list();
    if (path === `/v1/device-vaults/${vault}/log` && device !== undefined)
      return method === 'POST' ? await this.#append(request, device) : this.#read(request);
    return (await this.more?.(request)) ?? problem('route_not_found');
  }

  async #create({ body }: ServedRequest): Promise<Response> {
    const vault = String(body.vault);
    const entry = bytesOf(body.entry);
    const answer = json({ vault, createdAt: '2026-11-29T00:00:00.000Z' }, 201);
    const there = this.vaults.get(vault);
    if (there !== undefined)
      return there.log[0] !== undefined && equalBytes(there.log[0].entry, entry)
        ? answer
        : problem('device_vault_exists');
    const outcome = await applyEntry(initialState({ ...owner, vault }), entry);
    if (outcome.result !== 'accept') return problem('entry_refused');
    this.vaults.set(vault, { state: outcome.state, log: [{ entry, wraps: bytesOf(body.wraps) }] });
    return answer;
  }

  #list(): Response {
    const vaults = [...this.vaults].map(([vault, { state }]) => ({
      vault,
      state: state.closed ? 'closed' : 'active',
      createdAt: '2026-11-29T00:00:00.000Z',
      seq: state.head.seq,
      devices: [...state.members.values()].filter(({ role }) => role !== 'recovery').length,
      hasRecovery: state.recoveryBox !== undefined,
    }));
    return json({ vaults });
  }

  #read({ vault, query }: ServedRequest): Response {
    const served = this.vaults.get(vault);
    if (served === undefined) return notFound();
    const after = Number(query.get('after') ?? '0');
    const limit = Math.min(Number(query.get('limit') ?? this.pageSize), this.pageSize);
    const entries = served.log.slice(after, after + limit).map(({ entry, wraps }) => ({
      entry: toBase64(entry),
      ...(wraps && { wraps: toBase64(wraps) }),
    }));
    return json({ entries, head: served.log.length, more: after + entries.length < served.log.length });
  }

  async #append({ vault, body }: ServedRequest, device: string): Promise<Response> {
    const served = this.vaults.get(vault);
    if (served === undefined) return notFound();
    const signed = bytesOf(body.entry);
    const entry = parseSignedEntry(signed);
    if (typeof entry === 'string') return problem('entry_refused', { detail: entry });
    const approval = body.pairing as SentApproval | undefined;
    if (approval !== undefined && entry.kind !== 'add') return problem('entry_refused');
    const there = served.log[entry.seq - 1];
    if (there !== undefined && !equalBytes(there.entry, signed)) return problem('log_conflict');
    if (there !== undefined) return this.#answerStored(vault, entry.seq, approval);
    const outcome = await applyEntry(served.state, signed);
    if (outcome.result === 'stop' || entry.signer !== device) return problem('entry_refused');
    const wraps = optionalBytes(body.wraps);
    if (!(await hasItsWraps(entry, wraps))) return problem('entry_refused', { detail: 'wraps' });
    const refused = approval && this.pairings?.refusal(vault, approval);
    if (refused !== undefined) return problem(refused);
    // Another request may have been faster while this one was verified.
    if (served.log.length !== entry.seq - 1) return problem('log_conflict');
    served.log.push({ entry: signed, wraps, recoveryBox: optionalBytes(body.recoveryBox) });
    served.state = outcome.state;
    return this.#answerStored(vault, entry.seq, approval);
  }

  /** The answer to an entry that is stored, after its message is. */
  #answerStored(vault: string, seq: number, approval: SentApproval | undefined): Response {
    if (approval !== undefined) {
      this.beforeMessage?.();
      this.pairings?.add(vault, approval);
    }
    return json({ seq });
  }
}

/** Whether an entry comes with the wraps that it names, and only with those. */
async function hasItsWraps({ kind, body }: SignedEntry, wraps: Bytes | undefined): Promise<boolean> {
  const roster = isRosterKind(kind) ? await parseRosterBody(kind, body) : undefined;
  const hash = roster !== undefined && 'wraps' in roster ? roster.wraps : undefined;
  if (hash === undefined || wraps === undefined) return hash === wraps;
  return equalBytes(await keyWrapsHash(wraps), hash);
}

const optionalBytes = (text: unknown): Bytes | undefined => (text === undefined ? undefined : bytesOf(text));

function bytesOf(text: unknown): Bytes {
  const bytes = typeof text === 'string' ? fromBase64(text) : undefined;
  if (bytes === undefined) throw new Error('not base64');
  return bytes;
}
