/** The key of the own person, as the service shows it and as this device believed it before (docs/format-approvals.md, section 5). */
import { findApprover } from '../../../../core/approvals/approval-keys.ts';
import { maxPersonKeyEditions } from '../../../../core/approvals/limits.ts';
import { judgePersonKey, type PersonKey, readPersonKey } from '../../../../core/approvals/person-key.ts';
import { secretOfEpoch, unwrapForDevice } from '../../../../core/approvals/person-key-wraps.ts';
import { isSignedBy } from '../../../../core/approvals/signed-statement.ts';
import { DecryptionError } from '../../../../core/decryption-error.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import { dhKeyOf } from '../../../../core/sessions/device-secrets.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { SessionContext } from '../session-context.ts';
import { SessionError, sessionError } from '../session-errors.ts';
import { Changes } from '../storage/session-store.ts';
import { publishedSecret } from './approval-secret.ts';

/** The newest statement that this device believed. The table of the service has no backups. */
export const storedPersonKeyName = 'person-key';

export interface FoundPersonKey {
  readonly key: PersonKey;
  readonly isCurrent: boolean;
  /** Whether the device that signed it approves now. */
  readonly isCounted: boolean;
}

export class PersonKeyReader {
  readonly #context: SessionContext;
  readonly #settings: CallSettings;

  constructor(context: SessionContext, settings: CallSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  /** The newest of what the service shows and what this device believed before. */
  async read(): Promise<FoundPersonKey | undefined> {
    const { store } = this.#context;
    const { signed, shown, kept } = await this.candidates();
    if (signed === undefined || shown === undefined) return kept;
    if (kept !== undefined) {
      if (shown.key.edition < kept.key.edition) return kept;
      if (shown.key.edition > kept.key.edition + maxPersonKeyEditions) return kept;
      if (shown.key.edition === kept.key.edition) return shown.isCurrent ? shown : kept;
      if (!shown.isCurrent && !(await this.#continues(kept.key, shown.key))) return kept;
    }
    await store.write(new Changes().putBytes(storedPersonKeyName, signed));
    return shown;
  }

  /** What the service shows, and what this device believed before, as far as devices of the person signed it. */
  async candidates() {
    const { requests, store } = this.#context;
    const [{ signed }, stored] = [
      await requests.approvals.personKey(this.#settings),
      await store.bytes(storedPersonKeyName),
    ];
    return { signed, shown: this.#verified(signed), kept: this.#verified(stored) };
  }

  /** @throws SessionError person_key_missing */
  async secretOf(key: PersonKey): Promise<Bytes> {
    const { own, requests } = this.#context;
    const ak = await publishedSecret(this.#context, requests.approvals, this.#settings);
    try {
      return await unwrapForDevice(key, own.device.id, ak);
    } catch (error) {
      if (error instanceof DecryptionError) throw sessionError('person_key_missing', 'this device does not have it');
      throw error;
    } finally {
      ak.fill(0);
    }
  }

  /**
   * Whether this device opens the kept epoch with a later statement too. A device that was removed can still sign
   * statements. With one that does not continue the kept one, it would make all values unusable, together with a service
   * that shows it.
   */
  async #continues(kept: PersonKey, later: PersonKey): Promise<boolean> {
    try {
      const secret = await this.secretOf(later);
      try {
        const ofEpoch = await secretOfEpoch(later, secret, kept.epoch);
        const isSame = equalBytes(dhKeyOf(ofEpoch), kept.key);
        ofEpoch.fill(0);
        return isSame;
      } finally {
        secret.fill(0);
      }
    } catch (error) {
      if (error instanceof DecryptionError || (error instanceof SessionError && error.code === 'person_key_missing'))
        return false;
      throw error;
    }
  }

  /**
   * A statement that a device of the own person signed. It may be removed by now: its key is not sealed to then, but still
   * opens what was sealed before.
   */
  #verified(signed: Bytes | undefined): FoundPersonKey | undefined {
    const { own, directory, clock } = this.#context;
    const read = signed && readPersonKey(signed);
    if (read === undefined) return undefined;
    const person = personOf(this.#context);
    const signer = directory.state.devices.get(read.key.device);
    const isOwn = read.key.org === own.org && read.key.person === person && signer?.person === person;
    if (!isOwn || signer.role !== 'owner' || !isSignedBy(signer.ik, read)) return undefined;
    const refusal = judgePersonKey(read, {
      ...{ state: directory.state, person, now: clock.now() },
      relationOf: (head) => {
        const relation = directory.compare(head);
        // A device that began at a checkpoint does not know earlier entries. It seals nothing to the key.
        return relation === 'older' ? 'known' : relation;
      },
    });
    const isCounted = findApprover(directory.state, read.key.device, clock.now()) !== undefined;
    return { key: read.key, isCurrent: refusal === undefined, isCounted };
  }
}

/** The person whose device this is. */
export const personOf = ({ directory, own }: SessionContext): string =>
  directory.state.devices.get(own.device.id)?.person ?? '';
