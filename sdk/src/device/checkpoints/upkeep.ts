/**
 * Keeps the log of a vault short: makes checkpoints, acknowledges those of other devices, and asks the service to prune
 * (docs/device-service.md, section 6). It runs after each sync, and never makes one fail.
 */
import { createCheckpoint, encodeAcknowledgement, encodeCheckpoint } from '../../../../core/devices/apply-content.ts';
import type { ChainState } from '../../../../core/devices/chain-state.ts';
import { u64Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeU64Field } from '../../../../core/encoding/field-reader.ts';
import { delay, retryDelay } from '../../http/retry.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { deviceError } from '../device-errors.ts';
import type { PruneResult } from '../device-types.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import type { DeviceVaultEngine } from '../vault-engine.ts';
import type { EngineView, EntryDraft } from '../vault-engine-types.ts';
import { StoreBatch, stored } from '../vault-store.ts';
import { hasOpenedAll, replaceVoidContent } from './open-contents.ts';

/**
 * Entries after a checkpoint until the next one is made. One answer of the log has as many, so a device that joins a pruned
 * vault reads the bundle and one or two answers more. A smaller number would spend more entries on checkpoints, each of
 * which every device verifies over all records.
 */
const entriesPerCheckpoint = 1_000;

const prunedName = 'pruned';
/** Requests in a row without a step, before `prune` gives up. */
const maxIdle = 4;

/** Ends a draft whose reason is gone. Never leaves this file. */
class NotDue extends Error {}

export class Upkeep {
  readonly #engine: DeviceVaultEngine;
  /** Entries after a checkpoint until the next one is made. */
  every = entriesPerCheckpoint;

  constructor(engine: DeviceVaultEngine) {
    this.#engine = engine;
  }

  /** Does what is due. What fails is tried again after the next sync. */
  async run(settings: CallSettings): Promise<void> {
    try {
      if (!this.#canSign()) return;
      await this.#acknowledge(settings);
      await this.#makeCheckpoint(settings);
      await this.#askOnce(settings);
    } catch (error) {
      if (!(error instanceof AnimaError || error instanceof DeviceVaultError)) throw error;
    }
  }

  /**
   * Makes a checkpoint of what is there now, and prunes to the newest acknowledged one until the service is done.
   * @param confirmed whether a person confirmed that versions before the newest one are deleted
   * @throws DeviceVaultError prune_unconfirmed, no_key; AnimaError of the requests
   */
  async prune(confirmed: boolean, settings: CallSettings): Promise<PruneResult> {
    if (!this.#canSign()) throw deviceError(this.#engine.view.state.closed ? 'vault_closed' : 'not_a_member');
    const isAlone = (state: ChainState) => writersOf(state).length === 1;
    if (isAlone(this.#engine.view.state) && !confirmed) throw deviceError('prune_unconfirmed');
    await this.#acknowledge(settings);
    await this.#makeCheckpoint(settings, 1);
    // Only now: if a device joined meanwhile, it is the one to acknowledge.
    if (confirmed && isAlone(this.#engine.view.state)) await this.#acknowledge(settings, true);
    const { checkpoint, acknowledged } = this.#engine.view.state;
    if (acknowledged !== undefined) await this.#askUntilDone(acknowledged.seq, settings);
    return { checkpoint: acknowledged?.seq, isWaiting: checkpoint?.seq !== acknowledged?.seq };
  }

  #canSign(): boolean {
    const { state } = this.#engine.view;
    return !state.closed && writersOf(state).includes(this.#engine.keys.id);
  }

  /** Makes a checkpoint if there are so many entries since the last one. */
  async #makeCheckpoint(settings: CallSettings, every = this.every): Promise<void> {
    const isDue = (state: ChainState): boolean =>
      (every === 1 || writersOf(state).length > 1) && entriesSince(state) >= every;
    if (!isDue(this.#engine.view.state)) return;
    await replaceVoidContent(this.#engine, settings);
    await this.#append('checkpoint', settings, async (view) => {
      if (!isDue(view.state)) throw new NotDue();
      return encodeCheckpoint(await createCheckpoint(view.state));
    });
  }

  /** Acknowledges the last checkpoint. @param own also one of this device, which nobody else can acknowledge */
  async #acknowledge(settings: CallSettings, own = false): Promise<void> {
    const isDue = ({ checkpoint, acknowledged }: ChainState): boolean =>
      checkpoint !== undefined &&
      checkpoint.seq !== acknowledged?.seq &&
      (checkpoint.signer !== this.#engine.keys.id || own);
    if (!isDue(this.#engine.view.state)) return;
    await replaceVoidContent(this.#engine, settings);
    await this.#append('acknowledge', settings, async ({ state }) => {
      if (!isDue(state)) throw new NotDue();
      return encodeAcknowledgement(stored(state.checkpoint));
    });
  }

  /** A device that has not opened everything signs neither (docs/format-devices.md, section 9). */
  async #append(
    kind: 'checkpoint' | 'acknowledge',
    settings: CallSettings,
    bodyOf: (view: EngineView) => Promise<EntryDraft['body']>,
  ): Promise<void> {
    const draft = async (view: EngineView): Promise<EntryDraft> => {
      const body = await bodyOf(view);
      if (!(await hasOpenedAll(this.#engine, view)))
        throw deviceError('no_key', { detail: `a ${kind} needs all keys` });
      return { kind, body };
    };
    await this.#engine.append(draft, settings).catch((error: unknown) => {
      if (!(error instanceof NotDue)) throw error;
    });
  }

  /** One request: the service goes on with the next sync. */
  async #askOnce(settings: CallSettings): Promise<void> {
    const { acknowledged } = this.#engine.view.state;
    if (acknowledged === undefined || acknowledged.seq <= (await this.#prunedTo())) return;
    const { done, checkpoint } = await this.#engine.requests.prune(acknowledged.seq, settings);
    if (done) await this.#notePruned(checkpoint);
  }

  async #askUntilDone(seq: number, settings: CallSettings): Promise<void> {
    let [idle, last] = [0, ''];
    while (idle < maxIdle) {
      const { done, checkpoint, step } = await this.#engine.requests.prune(seq, settings);
      if (done && checkpoint >= seq) return await this.#notePruned(checkpoint);
      const reached = `${checkpoint} ${done} ${step}`;
      // Another device asked at the same time, and the service goes on for it.
      if (reached === last) await delay(retryDelay(idle++), settings);
      else idle = 0;
      last = reached;
    }
  }

  async #prunedTo(): Promise<number> {
    const bytes = await this.#engine.store.get(prunedName);
    return bytes === undefined ? 0 : stored(decodeU64Field(bytes));
  }

  async #notePruned(seq: number): Promise<void> {
    const batch = new StoreBatch();
    batch.put(prunedName, u64Bytes(seq));
    await this.#engine.store.write(batch);
  }
}

/** The members that sign records, checkpoints and acknowledgements. */
const writersOf = ({ members }: ChainState): readonly string[] =>
  [...members.values()].filter(({ role }) => role !== 'recovery').map(({ id }) => id);

/** Entries since the last checkpoint, without its acknowledgement, which is the first one to follow in most cases. */
const entriesSince = ({ head, checkpoint, acknowledged }: ChainState): number =>
  head.seq - (checkpoint?.seq ?? 0) - (checkpoint !== undefined && acknowledged?.seq === checkpoint.seq ? 1 : 0);
