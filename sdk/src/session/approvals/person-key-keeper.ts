/** Makes the key of the own person, gives it to further devices, and replaces it (docs/format-approvals.md, section 5). */
import {
  type ApprovalKey,
  approversOf,
  findApprover,
  readApprovalKey,
} from '../../../../core/approvals/approval-keys.ts';
import { maxPersonKeyEpochs } from '../../../../core/approvals/limits.ts';
import { type PersonKey, signPersonKey } from '../../../../core/approvals/person-key.ts';
import {
  type KeyEpoch,
  sealEarlier,
  secretOfEpoch,
  wrapForDevice,
} from '../../../../core/approvals/person-key-wraps.ts';
import { parseRecoveryCode } from '../../../../core/devices/recovery-code-text.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { dhKeyOf, newDhSecret } from '../../../../core/sessions/device-secrets.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { SessionContext } from '../session-context.ts';
import { sessionError } from '../session-errors.ts';
import { Changes } from '../storage/session-store.ts';
import { publishedSecret } from './approval-secret.ts';
import { PersonKeyReader, personOf, storedPersonKeyName } from './person-key-reader.ts';
import { draftRecovery, openWithCode } from './person-key-recovery.ts';
import type { PersonKeyInfo, PersonKeyRecovery } from './person-key-types.ts';

export class PersonKeyKeeper {
  readonly #context: SessionContext;
  readonly #settings: CallSettings;
  readonly #reader: PersonKeyReader;

  constructor(context: SessionContext, settings: CallSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#reader = new PersonKeyReader(context, settings);
  }

  /** @returns undefined if the person has no key */
  async info(): Promise<PersonKeyInfo | undefined> {
    const found = await this.#reader.read();
    if (found === undefined) return undefined;
    const { key, isCurrent } = found;
    const { own } = this.#context;
    const devices = this.#approvers().map((device) => ({
      ...{ device, isThis: device === own.device.id },
      hasKey: key.wraps.some((wrap) => wrap.device === device),
    }));
    return { epoch: key.epoch, edition: key.edition, isCurrent, hasRecovery: key.recovery !== undefined, devices };
  }

  /**
   * The key and its secret, which the caller zeroes.
   * @param which `current` refuses a key that must be replaced first
   * @throws SessionError person_key_missing, person_key_outdated
   */
  async open(which: 'any' | 'current' = 'any'): Promise<{ readonly key: PersonKey; readonly secret: Bytes }> {
    const found = await this.#reader.read();
    if (found === undefined) throw sessionError('person_key_missing', 'the person has none');
    if (which === 'current' && !found.isCurrent) throw sessionError('person_key_outdated');
    return { key: found.key, secret: await this.#reader.secretOf(found.key) };
  }

  /**
   * Makes the first key of the person, for all approving devices and for a recovery code.
   * @throws SessionError person_key_exists
   */
  async create(): Promise<PersonKeyRecovery> {
    if ((await this.#reader.read()) !== undefined) throw sessionError('person_key_exists');
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
    const { key, secret } = await this.open('current');
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
    const { key, secret } = await this.open('current');
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
      const { shown, kept } = await this.#reader.candidates();
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
    return { org: own.org, person: personOf(this.#context), epoch, key: dhKeyOf(secret) };
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
    await store.write(new Changes().putBytes(storedPersonKeyName, signed));
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

  #approvers(): readonly string[] {
    const { directory, clock } = this.#context;
    return approversOf(directory.state, personOf(this.#context), clock.now()).map(({ id }) => id);
  }
}
