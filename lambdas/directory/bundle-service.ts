/** Prekey bundles, and claims of one-time prekeys (docs/session-service.md, section 4). */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { ClaimBundleResponse, GetBundleResponse, PutBundleResponse } from '../../contract/sessions/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { acceptBundle, readOneTimePrekey } from '../../core/directory/prekeys.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock } from '../shared/ports.ts';
import type { PrekeyStore, StoredBundle } from './directory-ports.ts';
import type { Relation, Relations } from './relations.ts';
import type { SessionSigner } from './session-authenticator.ts';

/** Attempts if another request of the same device, or other claims, are faster. */
const maxAttempts = 5;
const concurrentWrites = 8;

interface SignedPrekey {
  readonly id: number;
  readonly signed: Uint8Array;
}

export class BundleService {
  readonly #store: PrekeyStore;
  readonly #relations: Relations;
  readonly #clock: Clock;

  constructor(store: PrekeyStore, relations: Relations, clock: Clock) {
    this.#store = store;
    this.#relations = relations;
    this.#clock = clock;
  }

  /**
   * Publishes a bundle and adds the one-time prekeys whose ids are new. The same request again changes nothing.
   * @throws VaultError `bundle_refused`, `bundle_outdated`, `too_many_prekeys`, `write_contention`, `unavailable`
   */
  async put(signer: SessionSigner, bundle: Uint8Array, prekeys: readonly Uint8Array[]): Promise<PutBundleResponse> {
    const { org, device } = signer;
    const accepted = acceptBundle(org, device, bundle, this.#clock().getTime(), undefined);
    if (accepted === undefined) throw new VaultError('bundle_refused');
    const sent = requirePrekeys(signer, prekeys);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const before = await this.#store.get(org, device.id);
      this.#assertNotOutdated(signer, before, accepted.seq, bundle);
      const highestBefore = before?.highestId ?? 0;
      const added = sent.filter(({ id }) => id > highestBefore);
      const left = (await this.#store.list(org, device.id, sessionLimits.oneTimePrekeys)).length;
      if (left + added.length > sessionLimits.oneTimePrekeys) throw new VaultError('too_many_prekeys');
      const highestId = added.at(-1)?.id ?? highestBefore;
      const next = { seq: accepted.seq, bundle, highestId, certificate: signer.certificate };
      // The ids are used up before the keys are there, so a key that was claimed never comes back.
      if (!(await this.#store.replace(org, device.id, next, before))) continue;
      await mapConcurrent(added, concurrentWrites, ({ id, signed }) => this.#store.put(org, device.id, id, signed));
      return { seq: accepted.seq, oneTimePrekeys: left + added.length, highestId };
    }
    throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
  }

  /** Only what the device signed counts. A number that somebody wrote into the row would refuse every later bundle. */
  #assertNotOutdated(
    { org, device }: SessionSigner,
    stored: StoredBundle | undefined,
    seq: number,
    bundle: Uint8Array,
  ): void {
    if (stored === undefined || equalBytes(stored.bundle, bundle)) return;
    const last = acceptBundle(org, device, stored.bundle, this.#clock().getTime(), undefined);
    if (last !== undefined && last.seq >= seq) throw new VaultError('bundle_outdated');
  }

  /** @throws VaultError `bundle_not_found`, `unavailable` */
  async getOwn({ org, device }: SessionSigner): Promise<GetBundleResponse> {
    const [stored, left] = await Promise.all([
      this.#store.get(org, device.id),
      this.#store.list(org, device.id, sessionLimits.oneTimePrekeys),
    ]);
    if (stored === undefined) throw new VaultError('bundle_not_found');
    const { seq, bundle, highestId } = stored;
    return { bundle: encodeBase64Field(bundle), seq, oneTimePrekeys: left.length, highestId };
  }

  /** @throws VaultError `not_allowed`, `bundle_not_found`, `unavailable` */
  async claim(signer: SessionSigner, relation: Relation): Promise<ClaimBundleResponse> {
    const { org, device } = signer;
    const { to } = relation;
    const [isAllowed] = await this.#relations.mayWrite(signer, [relation]);
    if (isAllowed !== true) throw new VaultError('not_allowed');
    const stored = await this.#store.get(org, to);
    if (stored === undefined) throw new VaultError('bundle_not_found');
    const window = Math.floor(this.#clock().getTime() / 1000 / sessionLimits.claimWindowSeconds);
    const isCounted = await this.#store.countClaim(org, to, device.id, window, sessionLimits.claims);
    const prekey = isCounted ? await this.#take(org, to) : undefined;
    const { bundle, certificate } = stored;
    return {
      bundle: encodeBase64Field(bundle),
      ...(prekey && { oneTimePrekey: encodeBase64Field(prekey) }),
      ...(certificate && { certificate: encodeBase64Field(certificate) }),
    };
  }

  /** Takes the lowest one-time prekey that no other claim takes. */
  async #take(org: string, device: string): Promise<Uint8Array | undefined> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const ids = await this.#store.list(org, device, sessionLimits.oneTimePrekeys);
      if (ids.length === 0) return undefined;
      for (const id of ids) {
        const taken = await this.#store.take(org, device, id);
        if (taken !== undefined) return taken;
      }
    }
    return undefined;
  }
}

/** @throws VaultError `bundle_refused` unless all are signed, and their ids rise from 1 */
function requirePrekeys({ org, device }: SessionSigner, prekeys: readonly Uint8Array[]): readonly SignedPrekey[] {
  let last = 0;
  return prekeys.map((signed) => {
    const prekey = readOneTimePrekey(org, device, signed);
    if (prekey === undefined || prekey.id <= last) throw new VaultError('bundle_refused');
    last = prekey.id;
    return { id: prekey.id, signed };
  });
}
