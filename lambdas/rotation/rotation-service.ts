/**
 * The rules of rotating an org's DEK. What a rotation is stands in the keyring, under its MAC: the rotation to version n began
 * when n became active, runs while an earlier version drains, and is done once all earlier ones are retired. Beside it is
 * only its progress, for who watches.
 */

import type { Rotation, RotationResponse } from '../../contract/rotation/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import { addDek, type Keyring, nextDekVersion, retireDeks, rewrapDeks } from '../../core/org-keys/org-keyring.ts';
import type { KeyringOpener, OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Kek, KeyringStore } from '../org-keys/keyring-ports.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowStarter } from '../shared/workflow-ports.ts';
import type { RotationProgress, RotationProgressStore } from './rotation-ports.ts';

/** Changes of one keyring that may come between before one is given up. */
const maxAttempts = 8;
/** A rotation that runs makes progress more often than this; else its workflow is started anew. Milliseconds. */
const stalledAfterMs = 10 * 60_000;

/** What a workflow of rotation is started with: it moves the org on from this version, unless that was done. */
export interface RotationInput {
  readonly task: 'rotate';
  readonly org: string;
  /** The version that is active before. */
  readonly from: number;
}

export const drainingVersions = (keyring: Keyring): number[] =>
  keyring.deks.filter(({ state }) => state === 'draining').map(({ version }) => version);

/** The changes of a keyring, each made upon what is stored now, and stored before it is used. */
export class KeyringUpdater {
  readonly #kek: Kek;
  readonly #keyrings: KeyringStore;
  readonly #keyringOpener: KeyringOpener;
  readonly #clock: Clock;

  constructor(kek: Kek, keyrings: KeyringStore, keyringOpener: KeyringOpener, clock: Clock) {
    this.#kek = kek;
    this.#keyrings = keyrings;
    this.#keyringOpener = keyringOpener;
    this.#clock = clock;
  }

  /** The keyring as it is stored now, checked. @throws DecryptionError; VaultError `org_locked`, `org_shredded` */
  async open(org: string): Promise<OpenKeyring> {
    return await this.#keyringOpener.open(await this.#keyrings.getRaw(org), org);
  }

  /** Makes the next DEK and makes it active, if `from` is active now. Returns the keyring with which that is done. */
  async activate(org: string, from: number): Promise<OpenKeyring> {
    return await this.#update(org, async ({ keyring, active }) => {
      if (active === undefined || active.version !== from) return undefined;
      const version = nextDekVersion(keyring);
      const { secret, wrapped } = await this.#kek.generate(org, version);
      if (secret.length !== 32) throw new VaultError('key_unavailable');
      return addDek(keyring, deriveDek(secret, org, version), wrapped, this.#clock().toISOString());
    });
  }

  /** Retires versions that drain, if `active` is still the active one. Returns whether none of them drains any more. */
  async retire(org: string, active: number, versions: readonly number[]): Promise<boolean> {
    const { keyring } = await this.#update(org, async (keys) => {
      if (keys.active?.version !== active) return undefined;
      const left = drainingVersions(keys.keyring).filter((version) => versions.includes(version));
      return left.length === 0 ? undefined : retireDeks(keys.keyring, keys.active, left);
    });
    return !drainingVersions(keyring).some((version) => versions.includes(version));
  }

  /** Wraps all DEKs anew, under the KEK as it is now; no value is touched. Returns how many. */
  async rewrap(org: string): Promise<number> {
    const { keyring } = await this.#update(org, async ({ keyring, active }, attempt) => {
      // Wrapping differs each time, so it can't be seen to be done: once it was stored, it is not done again.
      if (active === undefined || attempt === 'done') return undefined;
      const wrapped = new Map<number, Uint8Array>();
      for (const dek of keyring.deks) {
        if (dek.state === 'retired') continue;
        wrapped.set(dek.version, await this.#kek.rewrap(org, dek.version, Buffer.from(dek.wrapped, 'base64')));
      }
      return rewrapDeks(keyring, active, wrapped);
    });
    return keyring.deks.filter(({ state }) => state !== 'retired').length;
  }

  /** Makes the next keyring until it is stored or there is none to make. @throws VaultError `write_contention` */
  async #update(
    org: string,
    buildNext: (keys: OpenKeyring, attempt: 'first' | 'again' | 'done') => Promise<Keyring | undefined>,
  ): Promise<OpenKeyring> {
    let stored = false;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const keys = await this.open(org);
      const keyring = await buildNext(keys, stored ? 'done' : attempt === 0 ? 'first' : 'again');
      if (keyring === undefined) return keys;
      // When the reply was lost this says false too; what is stored then tells.
      stored = await this.#keyrings.replace(keyring);
    }
    throw new VaultError('write_contention', { detail: 'The keyring kept changing; nothing was changed.' });
  }
}

/** What members may ask: start a rotation, and look at the latest one. */
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
   * Makes a new DEK active and has all values re-encrypted in the background. While a rotation runs, that one is returned, and
   * taken up again if it stands still. An org without a DEK has nothing to rotate.
   */
  async start({ keyring }: OpenKeyring): Promise<RotationResponse> {
    const { org, activeVersion } = keyring;
    if (activeVersion === 0) return {};
    const progress = await this.#progress.read(org);
    if (isRotationRunning(keyring, progress)) {
      await this.#resume(keyring, progress);
      return toRotationResponse(keyring, progress);
    }
    // Before the new DEK, not after: whatever is interrupted from here on, the workflow brings to its end.
    await this.#workflowStarter.start(`${org}-${activeVersion}`, {
      task: 'rotate',
      org,
      from: activeVersion,
    } satisfies RotationInput);
    const next = await this.#keyringUpdater.activate(org, activeVersion);
    return toRotationResponse(next.keyring, await this.#progress.read(org));
  }

  async getLatest({ keyring }: OpenKeyring): Promise<RotationResponse> {
    return toRotationResponse(keyring, await this.#progress.read(keyring.org));
  }

  async #resume({ org, activeVersion, deks }: Keyring, progress: RotationProgress | undefined): Promise<void> {
    const from = activeVersion - 1;
    const now = this.#clock().getTime();
    const lastActivityAt = progress?.to === activeVersion ? progress.updatedAt : (deks[from]?.createdAt ?? '');
    // By the name that it has, this starts the workflow only if that never came about; by another one, anew.
    const restartSuffix =
      Date.parse(lastActivityAt) < now - stalledAfterMs ? `-${Math.floor(now / stalledAfterMs)}` : '';
    await this.#workflowStarter.start(`${org}-${from}${restartSuffix}`, {
      task: 'rotate',
      org,
      from,
    } satisfies RotationInput);
  }
}

/** Whether a rotation goes on by itself: what is stuck at damaged values does not, and must not keep the next one away. */
export const isRotationRunning = (keyring: Keyring, progress: RotationProgress | undefined): boolean =>
  drainingVersions(keyring).length > 0 && !(progress?.to === keyring.activeVersion && progress.state === 'stuck');

function toRotationResponse(keyring: Keyring, progress: RotationProgress | undefined): RotationResponse {
  const { activeVersion: to, deks } = keyring;
  const startedAt = deks[to - 1]?.createdAt;
  if (to < 2 || startedAt === undefined) return {};
  const own = progress?.to === to ? progress : undefined;
  const done = drainingVersions(keyring).length === 0;
  const { counted = 0, total = 0, reencrypted = 0, damaged = 0, finishedAt } = own ?? {};
  const state: Rotation['state'] = done
    ? 'done'
    : own === undefined || own.state === 'running'
      ? 'running'
      : 'draining';
  const finished = done && finishedAt !== undefined ? { finishedAt } : {};
  return { rotation: { id: to - 1, state, to, startedAt, ...finished, counted, total, reencrypted, damaged } };
}
