/** Requests for a secret, for the agent that makes them (docs/secret-requests.md, section 3). */

import { randomBytes } from 'node:crypto';
import { secretRequestLimits as limits } from '../../contract/secret-requests/limits.ts';
import type {
  CreatedSecretRequest,
  CreateSecretRequest,
  SecretRequestStatus,
} from '../../contract/secret-requests/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { toNonSharedBytes } from '../../core/encoding/bytes.ts';
import { clockToleranceSeconds } from '../../core/encoding/clock-tolerance.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import { toTtlSeconds } from '../../core/encoding/ttl-seconds.ts';
import {
  deriveSecretRequestKey,
  secretRequestMacInput,
  secretRequestPublicKey,
} from '../../core/secret-requests/request-key.ts';
import { formatSecretLink, linkSecretLength, type SecretRequestId } from '../../core/secret-requests/request-link.ts';
import {
  computeSecretRequestProof,
  type SecretRequestPurpose,
  secretRequestVerifier,
} from '../../core/secret-requests/request-proof.ts';
import { encodeSecretRequest } from '../../core/secret-requests/request-record.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import { allowsName } from '../api-keys/permissions.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import { countWithin } from '../shared/attempt-limits.ts';
import type { AttemptStore } from '../shared/attempt-ports.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import type {
  RequestedValueStore,
  SecretRequest,
  SecretRequestMacs,
  SecretRequestStore,
  StoredSecretRequest,
} from './secret-request-ports.ts';
import { stateOf, verifySecretRequest } from './secret-request-reader.ts';

export interface SecretRequestDeps {
  readonly requests: SecretRequestStore;
  readonly values: RequestedValueStore;
  readonly macs: SecretRequestMacs;
  readonly attempts: AttemptStore;
  readonly keys: AuthenticationKeys;
  readonly clock: Clock;
  /** URL of the page, without a slash at the end. */
  readonly pageUrl: string;
}

const perKey = { attempts: limits.requestsPerKey, windowSeconds: limits.windowSeconds };

export class SecretRequestService {
  readonly #deps: SecretRequestDeps;

  constructor(deps: SecretRequestDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a request. The link is in no table: it can be returned only here.
   * @throws VaultError `forbidden`, `name_taken`, `too_many_attempts`, `key_unavailable`, `unavailable`
   */
  async create(caller: Caller, request: CreateSecretRequest): Promise<CreatedSecretRequest> {
    const { requests, values, attempts, keys, clock, pageUrl } = this.#deps;
    const { name, why, replace = false, expiresIn = limits.expiresIn } = request;
    const { org } = caller;
    const now = clock();
    // The holder of the link can be the agent itself, so it must have the permission that an answer gives it.
    if (replace && !caller.verbs.includes('values.write')) throw new VaultError('forbidden', { detail: replaceDetail });
    await countWithin(attempts, org, counterOf(caller), perKey, now);
    if (!replace && (await values.isTaken(org, name, now))) throw new VaultError('name_taken', { detail: takenDetail });
    const id = { org, id: randomId() };
    const secret = toNonSharedBytes(randomBytes(linkSecretLength));
    const share = randomBytes(32);
    const [createdAt, expiresAt] = [now.toISOString(), addSeconds(now, expiresIn)];
    const stored: SecretRequest = {
      ...{ id: id.id, name, why, replace, requestedBy: caller.keyId, createdAt, expiresAt },
      verifiers: await verifiersOf(secret, id),
    };
    const record = encodeSecretRequest(await keys.get(org), stored);
    const publicKey = await this.#publicKeyOf(id, secret, share);
    const ttl = toTtlSeconds(expiresAt) + limits.keptSeconds;
    await requests.create(id, record, share.toString('base64'), ttl);
    const url = formatSecretLink(pageUrl, id, { secret, publicKey });
    for (const bytes of [secret, share]) bytes.fill(0);
    return { id: id.id, url, name, createdAt, expiresAt };
  }

  async #publicKeyOf(id: SecretRequestId, secret: Uint8Array, share: Uint8Array) {
    const mac = await this.#deps.macs.deriveMac(secretRequestMacInput(id));
    const proof = await computeSecretRequestProof(secret, id, 'fill');
    const privateKey = deriveSecretRequestKey(id, { mac, share, proof });
    const publicKey = secretRequestPublicKey(privateKey);
    for (const bytes of [mac, proof, privateKey]) bytes.fill(0);
    return publicKey;
  }

  /**
   * @param onFound called with the name of the value, for the audit
   * @throws VaultError `secret_request_not_found`; DecryptionError for a damaged item
   */
  async getStatus(caller: Caller, id: string, onFound: (name: string) => void): Promise<SecretRequestStatus> {
    const { stored, request } = await this.#find(caller, id);
    onFound(request.name);
    return toStatus(stored, request, this.#deps.clock());
  }

  /**
   * Cancels a request. Repeating the call changes nothing.
   * @throws as {@link getStatus}; VaultError `secret_request_filled`, `secret_request_denied`, `secret_request_expired`,
   *   `write_contention`
   */
  async cancel(caller: Caller, id: string, onFound: (name: string) => void): Promise<SecretRequestStatus> {
    const { requests, clock } = this.#deps;
    const { stored, request } = await this.#find(caller, id);
    onFound(request.name);
    const now = clock();
    if (stored.state === 'cancelled') return toStatus(stored, request, now);
    assertOpen(stored, request, now);
    const target = { org: caller.org, id };
    if (await requests.close(target, 'cancelled', claimTimes(now))) {
      return toStatus({ ...stored, state: 'cancelled', closedAt: now.toISOString() }, request, now);
    }
    const reread = await this.#find(caller, id);
    if (reread.stored.state !== 'cancelled') assertOpen(reread.stored, request, now);
    if (reread.stored.state === undefined) throw new VaultError('write_contention', { detail: busyDetail });
    return toStatus(reread.stored, request, now);
  }

  async #find(caller: Caller, id: string): Promise<{ stored: StoredSecretRequest; request: SecretRequest }> {
    const { org } = caller;
    const stored = isOpaqueId(id) ? await this.#deps.requests.get({ org, id }) : undefined;
    if (stored === undefined) throw new VaultError('secret_request_not_found');
    const request = await verifySecretRequest(this.#deps.keys, { org, id }, stored);
    if (!allowsName(caller, request.name)) throw new VaultError('secret_request_not_found');
    return { stored, request };
  }
}

/** Whose requests are counted. A workload with a login gets as many keys as it wants. */
const counterOf = ({ keyId, origin }: Caller): string =>
  origin === undefined ? `key/${keyId}` : `login/${origin.login}`;

const takenDetail = 'Nothing was asked. Use the value, choose another name, or ask for a replacement with `replace`.';
const replaceDetail =
  'This key lacks the verb values.write, which a request with `replace` needs. Nothing was asked. Choose a free name.';
export const busyDetail = 'An answer to the request is being stored. Nothing was changed.';

/** @throws VaultError `secret_request_filled`, `secret_request_denied`, `secret_request_expired` */
export function assertOpen(stored: StoredSecretRequest, request: SecretRequest, now: Date): void {
  const state = stateOf(stored, request, now);
  if (state === 'filled') throw new VaultError('secret_request_filled');
  if (state === 'expired') throw new VaultError('secret_request_expired');
  if (state !== 'asked') throw new VaultError('secret_request_denied');
}

/** The time of a change, and the times before and after which claims are void. */
export const claimTimes = (now: Date) => ({
  now: now.toISOString(),
  voidBefore: addSeconds(now, -limits.claimSeconds),
  latest: addSeconds(now, clockToleranceSeconds),
});

async function verifiersOf(secret: Uint8Array, id: SecretRequestId): Promise<SecretRequest['verifiers']> {
  const verifierOf = async (purpose: SecretRequestPurpose) => {
    const verifier = await secretRequestVerifier(await computeSecretRequestProof(secret, id, purpose));
    return Buffer.from(verifier).toString('base64');
  };
  return { look: await verifierOf('look'), fill: await verifierOf('fill'), deny: await verifierOf('deny') };
}

const toStatus = (stored: StoredSecretRequest, request: SecretRequest, now: Date): SecretRequestStatus => ({
  id: request.id,
  name: request.name,
  state: stateOf(stored, request, now),
  createdAt: request.createdAt,
  expiresAt: request.expiresAt,
  ...(stored.state === undefined || stored.closedAt === undefined ? {} : { closedAt: stored.closedAt }),
});
