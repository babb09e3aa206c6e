/** All contents that the log of a vault ever had, also those that were pruned, opened with the keys of one device. */
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { type ChainState, initialState, recordKey } from '../../core/devices/chain-state.ts';
import { openChange } from '../../core/devices/record-changes.ts';
import type { RecordData, RecordType } from '../../sdk/src/device/device-types.ts';
import { readContent } from '../../sdk/src/device/records/record-content.ts';
import type { InMemoryDeviceService } from './in-memory-device-service.ts';
import type { ModelDevice } from './model-device.ts';

interface ArchivedVersion {
  readonly version: number;
  /** Undefined if it is a deletion. */
  readonly data: RecordData | undefined;
}

export class ArchivedLog {
  readonly #service: InMemoryDeviceService;
  readonly #versions = new Map<string, ArchivedVersion[]>();
  #state: ChainState | undefined;

  constructor(service: InMemoryDeviceService) {
    this.#service = service;
  }

  /** All versions of a record, oldest first. */
  async versions(device: ModelDevice, record: { readonly type: string; readonly id: string }) {
    await this.#read(device);
    return this.#versions.get(recordKey(record)) ?? [];
  }

  async #read({ engine }: ModelDevice): Promise<void> {
    let state = this.#state ?? initialState(engine.scope);
    for (const signed of this.#service.logs.of(engine.scope).slice(state.head.seq)) {
      const outcome = await applyEntry(state, signed);
      if (outcome.result !== 'accept') throw new Error('the log is damaged');
      for (const { change } of outcome.changes) {
        const key = engine.view.key(outcome.entry.epoch);
        // A device that is behind. Another one reads on.
        if (key === undefined) return;
        const opened = await openChange(key, change, outcome.entry);
        const content = readContent(change.type as RecordType, opened);
        const data = content === undefined || content === 'deleted' ? undefined : content.data;
        const known = this.#versions.get(recordKey(change)) ?? [];
        this.#versions.set(recordKey(change), [
          ...known.filter(({ version }) => version < change.version),
          { version: change.version, data },
        ]);
      }
      state = outcome.state;
      this.#state = state;
    }
  }
}
