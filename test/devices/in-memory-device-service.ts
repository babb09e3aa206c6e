/**
 * The service of device vaults as a `fetch`: the classes of the deployed function over stores in memory. Only the
 * middleware is another one. Faults break the connection before or after a request, and writes of the stores.
 */
import { deviceLimits } from '../../contract/devices/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { fromBase64 } from '../../core/encoding/bytes.ts';
import { BundleService } from '../../lambdas/devices/bundle-service.ts';
import { DeviceLogService } from '../../lambdas/devices/device-log-service.ts';
import type { PairingPlace } from '../../lambdas/devices/device-ports.ts';
import { DeviceVaultService } from '../../lambdas/devices/device-vault-service.ts';
import { findMember } from '../../lambdas/devices/member-lookup.ts';
import { PairingService } from '../../lambdas/devices/pairing-service.ts';
import { PruneService } from '../../lambdas/devices/prune-service.ts';
import { type Roster, RosterVerifier } from '../../lambdas/devices/roster-verifier.ts';
import { isSignedWith, requireClaimedSignature, type SignedRequest } from '../../lambdas/devices/signed-request.ts';
import { AuthenticationKeys } from '../../lambdas/records/authentication-keys.ts';
import { testRecordsKey } from '../records/in-memory-records.ts';
import { baseURL, json, owner, problem, userKey } from '../sdk/fake-fetch.ts';
import { InMemoryBundles, InMemoryLogs, InMemoryPairings, InMemoryRosters } from './in-memory-device-stores.ts';

const clock = () => new Date();

interface Call {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly vault: string;
  /** The path after the vault. */
  readonly rest: readonly string[];
}

/** Who sent a request: a member, or the user. */
type Signer = { readonly roster: Roster; readonly device: string } | undefined;

export class InMemoryDeviceService {
  readonly rosters = new InMemoryRosters();
  readonly logs = new InMemoryLogs();
  readonly bundles = new InMemoryBundles(this.logs);
  readonly pairings = new InMemoryPairings();
  readonly #rosterVerifier = new RosterVerifier(new AuthenticationKeys(testRecordsKey));
  readonly #vaults: DeviceVaultService;
  readonly #log: DeviceLogService;
  readonly #pairingService: PairingService;
  readonly #bundleService: BundleService;
  readonly #pruning: PruneService;

  /** @param entriesAtOnce entries of one step of a pruning */
  constructor(entriesAtOnce = 4) {
    const deps = { rosters: this.rosters, logs: this.logs, rosterVerifier: this.#rosterVerifier };
    this.#vaults = new DeviceVaultService({ ...deps, clock });
    this.#pairingService = new PairingService(this.pairings, clock);
    const { rosters, logs, bundles } = this;
    const pairings = this.#pairingService;
    this.#bundleService = new BundleService({ rosters, logs, bundles });
    this.#log = new DeviceLogService({ ...deps, pairings, bundles: this.#bundleService });
    // One small step for each request, so that a crash can happen between any two.
    this.#pruning = new PruneService({ logs, bundles, pairings }, { budgetMs: -1, entriesAtOnce });
  }

  /** A `fetch` of one device. @param broken whether the connection breaks now */
  fetchOf(broken: (when: 'before' | 'after') => boolean = () => false) {
    return async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
      if (broken('before')) throw new TypeError('no connection');
      const response = await this.#answer(new URL(String(input)), init);
      if (broken('after')) throw new TypeError('the connection broke');
      return response;
    };
  }

  async #answer(url: URL, init: RequestInit): Promise<Response> {
    const method = init.method ?? 'GET';
    const text = typeof init.body === 'string' ? init.body : '';
    const [, , name, vault = '', ...rest] = url.pathname.split('/');
    if (url.origin !== baseURL || name !== 'device-vaults') return problem('route_not_found');
    try {
      const signer = await this.#authenticate(url, method, text, new Headers(init.headers), vault);
      const body = text === '' ? {} : JSON.parse(text);
      const result = await this.#serve({ method, query: url.searchParams, body, vault, rest }, signer);
      return json(result, method === 'POST' && vault === '' ? 201 : 200);
    } catch (error) {
      if (error instanceof VaultError) return problem(error.code, error.extras);
      if (error instanceof DecryptionError) return problem('internal');
      throw error;
    }
  }

  async #authenticate(url: URL, method: string, text: string, headers: Headers, vault: string): Promise<Signer> {
    if (headers.get('authorization') === `Bearer ${userKey}`) return undefined;
    const request: SignedRequest = {
      headers: Object.fromEntries(headers),
      method,
      path: url.pathname,
      query: url.search.replace(/^\?/, ''),
      body: Buffer.from(text),
      vault,
    };
    const claimed = requireClaimedSignature(request, clock());
    const stored = await this.rosters.get(claimed.scope);
    const roster = stored && (await this.#rosterVerifier.open(stored));
    const member = roster && (await findMember(roster.state, claimed.device, this.logs));
    const isGenuine =
      member !== undefined && (await isSignedWith(member.ecdsa, request, claimed, [new URL(baseURL).host]));
    if (roster === undefined || !isGenuine) throw new VaultError('device_refused');
    return { roster, device: claimed.device };
  }

  #serve(call: Call, signer: Signer): Promise<unknown> {
    return signer === undefined ? this.#serveUser(call) : this.#serveDevice(call, signer);
  }

  async #serveUser({ method, body, vault, rest }: Call): Promise<unknown> {
    const scope: VaultScope = { ...owner, vault };
    const [place, pairing = '', side, step] = rest;
    if (vault === '') return method === 'POST' ? await this.#create(body) : await this.#vaults.list(owner);
    if (place === 'recovery') return await this.#vaults.recovery(owner, vault);
    if (place !== 'pairings') throw new VaultError('route_not_found');
    if (side === undefined) return await this.#pairingService.get(scope, pairing);
    return await this.#putMessage(scope, pairing, side, step, body);
  }

  async #serveDevice({ method, query, body, rest }: Call, signer: NonNullable<Signer>): Promise<unknown> {
    const { scope } = signer.roster.state;
    const [place, pairing = '', side, step] = rest;
    if (place === 'log' && method === 'POST') return await this.#append(signer, body);
    if (place === 'log') {
      const limit = Number(query.get('limit') ?? deviceLimits.deviceLogPage);
      return await this.#log.read(signer.roster, Number(query.get('after') ?? 0), limit);
    }
    if (place === 'prune') return await this.#pruning.prune(signer.roster, signer.device, Number(body.checkpoint));
    if (place === 'bundles') return await this.#readBundle(signer.roster, pairing, side, query);
    if (place !== 'pairings') throw new VaultError('route_not_found');
    if (method === 'DELETE') return await this.#pairingService.delete(scope, pairing);
    if (side === undefined) return await this.#pairingService.list(scope);
    return await this.#putMessage(scope, pairing, side, step, body);
  }

  #readBundle(roster: Roster, checkpoint: string, part: string | undefined, query: URLSearchParams): Promise<unknown> {
    if (part === 'entries') return this.#bundleService.entries(roster, checkpoint, Number(query.get('after') ?? 0));
    const [type, id] = [query.get('type'), query.get('id')];
    const after = type === null || id === null ? undefined : { type, id };
    return this.#bundleService.records(roster, checkpoint, after);
  }

  #create(body: Call['body']) {
    const vault = String(body.vault);
    return this.#vaults.create(owner, { vault, signed: bytesOf(body.entry), wraps: bytesOf(body.wraps) });
  }

  #append({ roster, device }: NonNullable<Signer>, { entry, wraps, recoveryBox, pairing }: Call['body']) {
    const approval = pairing as { pairing: string; message: string } | undefined;
    const attachments = {
      ...(wraps === undefined ? {} : { wraps: bytesOf(wraps) }),
      ...(recoveryBox === undefined ? {} : { recovery: bytesOf(recoveryBox) }),
    };
    return this.#log.append(roster, device, {
      signed: bytesOf(entry),
      attachments,
      approval: approval && { pairing: approval.pairing, message: bytesOf(approval.message) },
    });
  }

  #putMessage(scope: VaultScope, pairing: string, side: string, step: string | undefined, body: Call['body']) {
    const message = bytesOf(body.message);
    return this.#pairingService.put(scope, pairing, `${side}${step}` as PairingPlace, message);
  }
}

function bytesOf(text: unknown): Uint8Array {
  const bytes = typeof text === 'string' ? fromBase64(text) : undefined;
  if (bytes === undefined) throw new VaultError('invalid_request');
  return bytes;
}
