/**
 * Rotation of an org's DEK. The keyring, protected by its MAC, holds the state of a rotation: the rotation to version n
 * starts when n becomes active, runs while an earlier version is draining, and is done when all earlier versions are
 * retired. The progress record is only for display.
 */

import type { Rotation, RotationResponse } from '../../contract/rotation/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { addDek, type Keyring, nextDekVersion, retireDeks, rewrapDeks } from '../../core/org-keys/org-keyring.ts';
import type { KeyringOpener, OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Kek, KekRewrapper, KeyringStore } from '../org-keys/keyring-ports.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowStarter } from '../shared/workflow-ports.ts';
import type { RotationProgress, RotationProgressStore } from './rotation-ports.ts';

/** Maximum attempts of one keyring update when concurrent updates win. */
const maxAttempts = 8;
/**
 * A running rotation reports progress more often than this. If it does not, its workflow is restarted. Milliseconds.
 */
const stalledAfterMs = 10 * 60_000;

/** Input of a rotation workflow: rotate the org away from version `from`, unless that is already done. */
export interface RotationInput {
  readonly task: 'rotate';
  readonly org: string;
  /** The version that is active before the rotation. */
  readonly from: number;
}

export const drainingVersions = (keyring: Keyring): number[] =>
  keyring.deks.filter(({ state }) => state === 'draining').map(({ version }) => version);

/** Updates keyrings. Each update is based on the stored keyring and is stored before it is used. */
export class KeyringUpdater {
  readonly #kek: Kek;
  readonly #rewrapper: KekRewrapper;
  readonly #keyrings: KeyringStore;
  readonly #keyringOpener: KeyringOpener;
  readonly #clock: Clock;

  constructor(kek: Kek, rewrapper: KekRewrapper, keyrings: KeyringStore, keyringOpener: KeyringOpener, clock: Clock) {
    this.#kek = kek;
    this.#rewrapper = rewrapper;
    this.#keyrings = keyrings;
    this.#keyringOpener = keyringOpener;
    this.#clock = clock;
  }

  get #keys() {
    return this.#keyringOpener.verifier.keys;
  }

  /** Reads and verifies the stored keyring. @throws DecryptionError; VaultError `org_locked`, `org_shredded` */
  async open(org: string): Promise<OpenKeyring> {
    const read = () => this.#keyrings.getRaw(org);
    return await this.#keyringOpener.open(await read(), org, read);
  }

  /** Creates the next DEK and activates it, if `from` is the active version. Returns the resulting keyring. */
  async activate(org: string, from: number): Promise<OpenKeyring> {
    return await this.#update(org, async ({ keyring, active }) => {
      if (active === undefined || active.version !== from) return undefined;
      const version = nextDekVersion(keyring);
      const wrapped = await this.#kek.generate(org, version);
      return addDek(await this.#keys.get(org), keyring, wrapped, this.#clock().toISOString());
    });
  }

  /**
   * Retires draining versions, if `active` is still the active version. Returns whether none of them is draining any
   * more.
   */
  async retire(org: string, active: number, versions: readonly number[]): Promise<boolean> {
    const { keyring } = await this.#update(org, async (keys) => {
      if (keys.active?.version !== active) return undefined;
      const left = drainingVersions(keys.keyring).filter((version) => versions.includes(version));
      return left.length === 0 ? undefined : retireDeks(await this.#keys.get(org), keys.keyring, left);
    });
    // An earlier keyring still has the wrapped form of what was retired, so it must not be accepted any more.
    await this.#keyringOpener.verifier.marks.raise(org, keyring);
    return !drainingVersions(keyring).some((version) => versions.includes(version));
  }

  /**
   * Re-wraps all DEKs with the current KEK. Values are not changed. Returns the number of DEKs that are not retired.
   */
  async rewrap(org: string): Promise<number> {
    const { keyring } = await this.#update(org, async ({ keyring, active }, attempt) => {
      // Wrapping is randomized, so the stored keyring does not show whether it was already re-wrapped. After a
      // successful write it must not be repeated.
      if (active === undefined || attempt === 'done') return undefined;
      const wrapped = new Map<number, Uint8Array>();
      for (const dek of keyring.deks) {
        if (dek.state === 'retired') continue;
        wrapped.set(dek.version, await this.#rewrapper.rewrap(org, dek.version, Buffer.from(dek.wrapped, 'base64')));
      }
      return rewrapDeks(await this.#keys.get(org), keyring, wrapped);
    });
    await this.#keyringOpener.verifier.marks.raise(org, keyring);
    return keyring.deks.filter(({ state }) => state !== 'retired').length;
  }

  /**
   * Builds and stores the next keyring until a write succeeds or there is nothing to change. @throws VaultError
   * `write_contention`
   */
  async #update(
    org: string,
    buildNext: (keys: OpenKeyring, attempt: 'first' | 'again' | 'done') => Promise<Keyring | undefined>,
  ): Promise<OpenKeyring> {
    let stored = false;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const keys = await this.open(org);
      const keyring = await buildNext(keys, stored ? 'done' : attempt === 0 ? 'first' : 'again');
      if (keyring === undefined) return keys;
      // The result is also false after a lost reply. The next read shows which keyring is stored.
      stored = await this.#keyrings.replace(keyring);
    }
    throw new VaultError('write_contention', { detail: 'The keyring kept changing; nothing was changed.' });
  }
}

/** Starts rotations and reports the latest one. */
export class RotationService {
  readonly #keyringUpdater: KeyringUpdater;
  readonly #progress: RotationProgressStore;
  readonly #workflowStarter: WorkflowStarter;
  readonly #clock: Clock;

  constructor(
    keyringUpdater: KeyringUpdater,
    progress: RotationProgressStore,
    workflowStarter: WorkflowStarter,
    clock: Clock,
  ) {
    this.#keyringUpdater = keyringUpdater;
    this.#progress = progress;
    this.#workflowStarter = workflowStarter;
    this.#clock = clock;
  }

  /**
   * Activates a new DEK and starts the background re-encryption of all values. If a rotation is already running, that
   * one is returned, and its workflow is restarted if it has stalled. An org without a DEK has nothing to rotate.
   */
  async start({ keyring }: OpenKeyring): Promise<RotationResponse> {
    const { org, activeVersion } = keyring;
    if (activeVersion === 0) return {};
    const progress = await this.#progress.read(org);
    if (isRotationRunning(keyring, progress)) {
      await this.#resume(keyring, progress);
      return toRotationResponse(keyring, progress, this.#clock());
    }
    // Started before the new DEK is activated, so that the workflow completes the rotation if this request is
    // interrupted.
    await this.#workflowStarter.start(`${org}-${activeVersion}`, {
      task: 'rotate',
      org,
      from: activeVersion,
    } satisfies RotationInput);
    const next = await this.#keyringUpdater.activate(org, activeVersion);
    return toRotationResponse(next.keyring, await this.#progress.read(org), this.#clock());
  }

  async getLatest({ keyring }: OpenKeyring): Promise<RotationResponse> {
    return toRotationResponse(keyring, await this.#progress.read(keyring.org), this.#clock());
  }

  async #resume({ org, activeVersion, deks }: Keyring, progress: RotationProgress | undefined): Promise<void> {
    const from = activeVersion - 1;
    const now = this.#clock().getTime();
    const lastActivityAt = progress?.to === activeVersion ? progress.updatedAt : (deks[from]?.createdAt ?? '');
    // With the original execution name, this starts the workflow only if it was never started. With a suffix, it starts
    // a new execution.
    const restartSuffix =
      Date.parse(lastActivityAt) < now - stalledAfterMs ? `-${Math.floor(now / stalledAfterMs)}` : '';
    await this.#workflowStarter.start(`${org}-${from}${restartSuffix}`, {
      task: 'rotate',
      org,
      from,
    } satisfies RotationInput);
  }
}

/**
 * Whether a rotation is running. A rotation that is stuck at undecryptable values does not count, because it must not
 * block the next one.
 */
export const isRotationRunning = (keyring: Keyring, progress: RotationProgress | undefined): boolean =>
  drainingVersions(keyring).length > 0 && !(progress?.to === keyring.activeVersion && progress.state === 'stuck');

/**
 * Time that the last step of a workflow has between retiring DEKs and reporting the end, milliseconds. A rotation
 * without a report after that counts as done too, because the report is only for display.
 */
const finishingMs = 60_000;

function toRotationResponse(keyring: Keyring, progress: RotationProgress | undefined, now: Date): RotationResponse {
  const { activeVersion: to, deks } = keyring;
  const startedAt = deks[to - 1]?.createdAt;
  if (to < 2 || startedAt === undefined) return {};
  const own = progress?.to === to ? progress : undefined;
  const isFinishing =
    own !== undefined && own.finishedAt === undefined && Date.parse(own.updatedAt) + finishingMs > now.getTime();
  const done = drainingVersions(keyring).length === 0 && !isFinishing;
  const { counted = 0, total = 0, reencrypted = 0, damaged = 0, finishedAt } = own ?? {};
  const state: Rotation['state'] = done
    ? 'done'
    : own === undefined || own.state === 'running'
      ? 'running'
      : 'draining';
  const finished = done && finishedAt !== undefined ? { finishedAt } : {};
  return { rotation: { id: to - 1, state, to, startedAt, ...finished, counted, total, reencrypted, damaged } };
}
