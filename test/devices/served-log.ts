/** The log of one vault as the service has it, verified from its first entry by a reader without keys. */
import { expect } from 'vitest';
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { parseSignedEntry, type SignedEntry } from '../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../core/devices/chain-state.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import type { InMemoryDeviceService } from './in-memory-device-service.ts';

export class ServedLog {
  readonly #service: InMemoryDeviceService;
  readonly scope: VaultScope;
  readonly entries: SignedEntry[] = [];
  state: ChainState;

  constructor(service: InMemoryDeviceService, scope: VaultScope) {
    this.#service = service;
    this.scope = scope;
    this.state = initialState(scope);
  }

  /** Reads on. Every entry of an honest device has its effect, whatever broke while it was written. */
  async read(): Promise<ChainState> {
    for (const signed of this.#service.logs.of(this.scope).slice(this.entries.length)) {
      const outcome = await applyEntry(this.state, signed);
      if (outcome.result !== 'accept') expect.fail(`entry ${this.entries.length + 1}: ${outcome.reason}`);
      expect(outcome.voided).toEqual([]);
      const entry = parseSignedEntry(signed);
      if (typeof entry === 'string') expect.fail(entry);
      this.entries.push(entry);
      this.state = outcome.state;
    }
    return this.state;
  }

  /** All wraps and recovery boxes that the service has of this vault. */
  attachments(kind: 'wraps' | 'recovery'): readonly Uint8Array[] {
    const { org, user, vault } = this.scope;
    const all = [...this.#service.rosters.attachments];
    return all.filter(([id]) => id.startsWith(`${org}/${user}/${vault}/${kind}/`)).map(([, bytes]) => bytes);
  }
}
