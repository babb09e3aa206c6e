/** The key of the own person: made, given to further devices, and replaced (docs/format-approvals.md, section 5). */
import {
  type ApprovalKey,
  approversOf,
  findApprover,
  readApprovalKey,
} from '../../../../core/approvals/approval-keys.ts';
import { maxPersonKeyEditions, maxPersonKeyEpochs } from '../../../../core/approvals/limits.ts';
import { judgePersonKey, type PersonKey, readPersonKey, signPersonKey } from '../../../../core/approvals/person-key.ts';
import {
  type KeyEpoch,
  sealEarlier,
  secretOfEpoch,
  unwrapForDevice,
  wrapForDevice,
} from '../../../../core/approvals/person-key-wraps.ts';
import { isSignedBy } from '../../../../core/approvals/signed-statement.ts';
import { DecryptionError } from '../../../../core/decryption-error.ts';
import { parseRecoveryCode } from '../../../../core/devices/recovery-code-text.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import { dhKeyOf, newDhSecret } from '../../../../core/sessions/device-secrets.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { SessionContext } from '../session-context.ts';
import { SessionError, sessionError } from '../session-errors.ts';
import { Changes } from '../storage/session-store.ts';
import { publishedSecret } from './approval-secret.ts';
import { draftRecovery, openWithCode } from './person-key-recovery.ts';
import type { PersonKeyInfo, PersonKeyRecovery } from './person-key-types.ts';

/** The newest statement that this device believed. The table of the service has no backups. */
const storedName = 'person-key';

interface Found {
  readonly key: PersonKey;
  readonly isCurrent: boolean;
  /** Whether the device that signed it approves now. */
  readonly isCounted: boolean;
}

export class PersonKeyKeeper {
  readonly #context: SessionContext;
  readonly #settings: CallSettings;

  constructor(context: SessionContext, settings: CallSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  /** @returns undefined if the person has no key */
  async info(): Promise<PersonKeyInfo | undefined> {
    const found = await this.#read();
    if (found === undefined) return undefined;
    const { key, isCurrent } = found;
    const { own } = this.#context;
    const devices = this.#approvers().map((device) => ({
      ...{ device, isThis: device === own.device.id },
      hasKey: key.wraps.some((wrap) => wrap.device === device),
    }));
    return { epoch: key.epoch, edition: key.edition, isCurrent, hasRecovery: key.recovery !== undefined, devices };
  }

  /** The key and its secret, which the caller zeroes. @throws SessionError person_key_missing */
  async open(): Promise<{ readonly key: PersonKey; readonly secret: Bytes }> {
    const found = await this.#read();
    if (found === undefined) throw sessionError('person_key_missing', 'the person has none');
    return { key: found.key, secret: await this.#secretOf(found.key) };
  }

  /**
   * Makes the first key of the person, for all approving devices and for a recovery code.
   * @throws SessionError person_key_exists
   */
  async create(): Promise<PersonKeyRecovery> {
    if ((await this.#read()) !== undefined) throw sessionError('person_key_exists');
    const secret = newDhSecret();
    try {
      return await this.#publishWithCode({ ...this.#epoch(1, secret), earlier: [] }, 1, secret);
    } finally {
      secret.fill(0);
    }
  }

  /**
   * Gives the key to the approving devices that do not have it.
   * @returns ids of the devices that got it
   * @throws SessionError person_key_missing, person_key_outdated
   */
  async addDevices(): Promise<readonly string[]> {
    const found = await this.#read();
    if (found === undefined) throw sessionError('person_key_missing', 'the person has none');
    const { key, isCurrent } = found;
    if (!isCurrent) throw sessionError('person_key_outdated');
    const secret = await this.#secretOf(key);
    try {
      const has = new Set(key.wraps.map(({ device }) => device));
      const { wraps } = await this.#publish(key, key.edition + 1, secret);
      return wraps.flatMap(({ device }) => (has.has(device) ? [] : [device]));
    } finally {
      secret.fill(0);
    }
  }

  /**
   * Replaces the key, for the devices that approve now and for a new recovery code. Values that were set before stay usable.
   * @throws SessionError person_key_missing
   */
  async rotate(): Promise<PersonKeyRecovery> {
    const { key, secret } = await this.open();
    return await this.#replace(key, secret, key.edition + 1);
  }

  /**
   * Makes another recovery code for the key as it is.
   * @throws SessionError person_key_missing, person_key_outdated
   */
  async renewRecovery(): Promise<PersonKeyRecovery> {
    const found = await this.#read();
    if (found === undefined) throw sessionError('person_key_missing', 'the person has none');
    const { key, isCurrent } = found;
    if (!isCurrent) throw sessionError('person_key_outdated');
    const secret = await this.#secretOf(key);
    try {
      return await this.#publishWithCode(key, key.edition + 1, secret);
    } finally {
      secret.fill(0);
    }
  }

  /**
   * Gives this device the key by the recovery code, and replaces the key, because lost devices have it.
   * @param typed the code as a person typed it
   * @throws SessionError person_key_missing, recovery_code_refused
   */
  async recover(typed: string): Promise<PersonKeyRecovery> {
    const code = typeof typed === 'string' ? await parseRecoveryCode(typed) : undefined;
    if (code === undefined) throw sessionError('recovery_code_refused');
    try {
      const { shown, kept } = await this.#candidates();
      const keys = [shown, kept].flatMap((one) => one?.key ?? []);
      if (keys.length === 0) throw sessionError('person_key_missing', 'the person has none');
      const opened = await openWithCode(keys, code);
      if (opened === undefined) throw sessionError('recovery_code_refused');
      // The service counts the edition of the stored statement if its device still approves.
      const last = shown?.isCounted === true ? shown.key.edition : 0;
      return await this.#replace(opened.key, opened.secret, Math.max(opened.key.edition, last) + 1);
    } finally {
      code.fill(0);
    }
  }

  /** Publishes the next epoch. @param held secret of the present one, which is zeroed here */
  async #replace(before: PersonKey, held: Bytes, edition: number): Promise<PersonKeyRecovery> {
    const secret = newDhSecret();
    try {
      const next = this.#epoch(before.epoch + 1, secret);
      const earlier = await Promise.all(
        [...before.earlier, before].slice(-maxPersonKeyEpochs).map(async (one) => {
          const old = await secretOfEpoch(before, held, one.epoch);
          try {
            return await sealEarlier(next, one, old);
          } finally {
            old.fill(0);
          }
        }),
      );
      return await this.#publishWithCode({ ...next, earlier }, edition, secret);
    } finally {
      secret.fill(0);
      held.fill(0);
    }
  }

  #epoch(epoch: number, secret: Bytes): KeyEpoch {
    const { own } = this.#context;
    return { org: own.org, person: this.#person(), epoch, key: dhKeyOf(secret) };
  }

  async #publishWithCode(
    epoch: KeyEpoch & Pick<PersonKey, 'earlier'>,
    edition: number,
    secret: Bytes,
  ): Promise<PersonKeyRecovery> {
    const { wrap, recovery } = await draftRecovery(epoch, secret, this.#context.clock.now());
    const { org, person, epoch: number, key, earlier } = epoch;
    await this.#publish({ org, person, epoch: number, key, earlier, recovery: wrap }, edition, secret);
    return recovery;
  }

  /** Signs the next statement, with a wrap for each approving device that published its key. */
  async #publish(
    epoch: KeyEpoch & Pick<PersonKey, 'earlier' | 'recovery'>,
    edition: number,
    secret: Bytes,
  ): Promise<PersonKey> {
    const { own, directory, clock, requests, store } = this.#context;
    // So that this device is among them.
    (await publishedSecret(this.#context, requests.approvals, this.#settings)).fill(0);
    const keys = await this.#deviceKeys();
    const wraps = await Promise.all(keys.map((key) => wrapForDevice(epoch, secret, key)));
    const { org, person, earlier, recovery } = epoch;
    const key: PersonKey = {
      ...{ org, person, epoch: epoch.epoch, key: epoch.key, edition, earlier, recovery },
      wraps: wraps.toSorted((a, b) => (a.device < b.device ? -1 : 1)),
      ...{ device: own.device.id, time: clock.now(), head: directory.state.head },
    };
    const signed = signPersonKey(key, own.ik);
    await requests.approvals.putPersonKey(signed, this.#settings);
    await store.write(new Changes().putBytes(storedName, signed));
    return key;
  }

  /** Verified keys of the approving devices of the person. */
  async #deviceKeys(): Promise<readonly ApprovalKey[]> {
    const { own, directory, clock, requests } = this.#context;
    const { devices } = await requests.approvals.personKey(this.#settings);
    const published = new Map(devices.map(({ device, signed }) => [device, signed]));
    return this.#approvers().flatMap((id) => {
      const device = findApprover(directory.state, id, clock.now());
      const signed = published.get(id);
      return (device && signed && readApprovalKey(own.org, device, signed)) ?? [];
    });
  }

  #person(): string {
    const { directory, own } = this.#context;
    return directory.state.devices.get(own.device.id)?.person ?? '';
  }

  #approvers(): readonly string[] {
    const { directory, clock } = this.#context;
    return approversOf(directory.state, this.#person(), clock.now()).map(({ id }) => id);
  }

  /** What the service shows, and what this device believed before, as far as devices of the person signed it. */
  async #candidates() {
    const { requests, store } = this.#context;
    const [{ signed }, stored] = [await requests.approvals.personKey(this.#settings), await store.bytes(storedName)];
    return { signed, shown: this.#verified(signed), kept: this.#verified(stored) };
  }

  /** The newest of what the service shows and what this device believed before. */
  async #read(): Promise<Found | undefined> {
    const { store } = this.#context;
    const { signed, shown, kept } = await this.#candidates();
    if (signed === undefined || shown === undefined) return kept;
    if (kept !== undefined) {
      if (shown.key.edition < kept.key.edition) return kept;
      if (shown.key.edition > kept.key.edition + maxPersonKeyEditions) return kept;
      if (shown.key.edition === kept.key.edition) return shown.isCurrent ? shown : kept;
      if (!shown.isCurrent && !(await this.#continues(kept.key, shown.key))) return kept;
    }
    await store.write(new Changes().putBytes(storedName, signed));
    return shown;
  }

  /**
   * Whether this device opens the kept epoch with a later statement too. A device that was removed can still sign
   * statements. With one that does not continue the kept one, it would make all values unusable, together with a service
   * that shows it.
   */
  async #continues(kept: PersonKey, later: PersonKey): Promise<boolean> {
    try {
      const secret = await this.#secretOf(later);
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
  #verified(signed: Bytes | undefined): Found | undefined {
    const { own, directory, clock } = this.#context;
    const read = signed && readPersonKey(signed);
    if (read === undefined) return undefined;
    const person = this.#person();
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

  /** @throws SessionError person_key_missing */
  async #secretOf(key: PersonKey): Promise<Bytes> {
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
}
