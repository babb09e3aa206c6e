/** The broker of one org over in-memory stores, with hosts that a test plays. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { FetchRequest, FetchResponse, PendingFetch } from '../../contract/broker/wire.ts';
import type { OutboundRequest } from '../../egress/requests/outbound-request.ts';
import { AccessTokens } from '../../lambdas/broker/access-tokens.ts';
import type {
  HostRecordStore,
  TokenRecord,
  TokenRecordStore,
  Upstream,
  UseCounterStore,
} from '../../lambdas/broker/broker-ports.ts';
import { FetchService, type FetchServices } from '../../lambdas/broker/fetch-service.ts';
import { KnownValues } from '../../lambdas/broker/known-values.ts';
import { RefreshedValue } from '../../lambdas/broker/refreshed-value.ts';
import { TokenEndpoint } from '../../lambdas/broker/token-endpoint.ts';
import type { UseContext } from '../../lambdas/broker/use-context.ts';
import { ValueReader } from '../../lambdas/values/value-reader.ts';
import { ValueWriter } from '../../lambdas/values/value-writer.ts';
import { createInMemoryVault } from '../shared/in-memory-stores.ts';

export class InMemoryHostRecords implements HostRecordStore, UseCounterStore {
  readonly hosts = new Map<string, Set<string>>();
  readonly uses = new Map<string, number>();

  async read(_org: string, hostname: string) {
    return [...(this.hosts.get(hostname) ?? [])];
  }
  async add(_org: string, hostname: string, references: readonly string[], most: number) {
    const known = this.hosts.get(hostname) ?? new Set();
    if (known.size + references.length > most) return false;
    this.hosts.set(hostname, new Set([...known, ...references]));
    return true;
  }
  async remove(_org: string, hostname: string, references: readonly string[]) {
    for (const reference of references) this.hosts.get(hostname)?.delete(reference);
  }
  async count(_org: string, name: string, minute: number, limit: number) {
    const key = `${minute} ${name}`;
    const uses = this.uses.get(key) ?? 0;
    if (uses >= limit) return false;
    this.uses.set(key, uses + 1);
    return true;
  }
}

export class InMemoryTokenRecords implements TokenRecordStore {
  readonly records = new Map<string, TokenRecord>();
  /** Runs before each write; it can fail, or never end. */
  beforeReplace: ((record: TokenRecord) => Promise<void>) | undefined;
  /** Whether the reply of the next write is lost, after which the client repeats the write. */
  losesReply = false;
  /** Maximum milliseconds after which a read returns, so that what it returns can be outdated. */
  readDelayMs = 0;

  async read(_org: string, id: string) {
    const record = this.records.get(id);
    if (this.readDelayMs > 0) await sleep(Math.random() * this.readDelayMs);
    return record;
  }
  async replace(_org: string, id: string, record: TokenRecord, expected: number | undefined) {
    await this.beforeReplace?.(record);
    if (this.records.get(id)?.fence !== expected) return false;
    this.records.set(id, record);
    const isLost = this.losesReply;
    this.losesReply = false;
    return !isLost;
  }
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a host does with a request. It can throw OutboundRequestError. */
export type Host = (request: OutboundRequest) => Promise<Answer> | Answer;

/** The caller of a use, and what the audit gets of it. */
export type Call = Pick<UseContext, 'keyId' | 'login' | 'agent' | 'run'>;

const defaultCall: Call = { keyId: 'agentkeyagentkey', agent: 'bot', run: 'run-1' };

/** @param approvals decides about uses that a person must allow; without it, there must be none */
export function createInMemoryBroker(
  hosts: Readonly<Record<string, Host>>,
  approvals: FetchServices['approvals'] = { decide: () => expect.fail('no approval is expected') },
) {
  const vault = createInMemoryVault();
  let offset = 0;
  let spentMs = 0;
  Object.defineProperty(vault.time, 'now', { get: () => new Date(Date.now() + offset) });
  const clock = () => vault.time.now;
  const records = new InMemoryHostRecords();
  const tokenRecords = new InMemoryTokenRecords();
  const requests: OutboundRequest[] = [];
  const started: Parameters<UseContext['recordStart']>[0][] = [];
  const upstream: Upstream = {
    send: async (request) => {
      requests.push(request);
      const host = hosts[request.url.host];
      if (host === undefined) throw new Error(`no host ${request.url.host}`);
      const { status = 200, headers = { 'content-type': 'application/json' }, body = '' } = await host(request);
      return { status, statusText: 'OK', headers: Object.entries(headers), body: Buffer.from(body) };
    },
  };
  /** One function environment. Several share the stores. */
  const instance = () => {
    const reader = new ValueReader(vault.stores, clock);
    const tokens = new AccessTokens(
      tokenRecords,
      new TokenEndpoint(upstream, clock, false),
      new RefreshedValue(reader, new ValueWriter(vault.stores, clock)),
      clock,
    );
    const known = new KnownValues(records, clock);
    const services = { reader, known, counters: records, tokens, approvals, upstream, clock, allowsLoopback: false };
    const service = new FetchService(services);
    return async (request: FetchRequest, call = defaultCall): Promise<FetchResponse | PendingFetch> => {
      const reload = async (name: string) => ({ keys: await vault.keys(), stored: vault.stores.items.get(name) });
      const context = {
        org: vault.caller.org,
        ...call,
        keys: await vault.keys(),
        values: new Map(vault.stores.items),
        reload,
        onTripwire: () => {},
        ownHosts: ['vault.example.com'],
        recordStart: async (proof: (typeof started)[number]) => void started.push(proof),
        deadline: clock().getTime() + 15_000 - spentMs,
      };
      return await service.fetch(context, request, () => undefined);
    };
  };
  /** A use that needs no approval. */
  const plain = () => {
    const send = instance();
    return async (request: FetchRequest): Promise<FetchResponse> => {
      const answer = await send(request);
      return 'approval' in answer ? expect.fail('an approval was asked for') : answer;
    };
  };
  return {
    vault,
    records,
    tokenRecords,
    requests,
    started,
    clock,
    instance: plain,
    ask: instance(),
    fetch: plain(),
    pass: (milliseconds: number) => {
      offset += milliseconds;
    },
    /** What a function has used of its time before the broker begins. */
    callTakes: (milliseconds: number) => {
      spentMs = milliseconds;
    },
  };
}
