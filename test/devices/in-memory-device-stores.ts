/** The stores of device vaults in memory. A fault happens before or after a write, as with a real table. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type {
  AttachmentKind,
  LogPage,
  LogStore,
  PairingPlace,
  PairingStore,
  RosterStore,
  StoredPairing,
  StoredRoster,
} from '../../lambdas/devices/device-ports.ts';
import type {
  BundleStore,
  HashListName,
  RecordRow,
  StoredBundle,
  StoredCompaction,
} from '../../lambdas/devices/pruning-ports.ts';

/** Whether the next write fails: without an effect, or with one that nobody learns of. */
export type NextFault = () => 'before' | 'after' | undefined;

const keyOf = ({ org, user, vault }: VaultScope): string => `${org}/${user}/${vault}`;
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

class Faults {
  next: NextFault = () => undefined;

  async write<T>(work: () => T): Promise<T> {
    const fault = this.next();
    if (fault === 'before') throw new VaultError('unavailable');
    const result = work();
    if (fault === 'after') throw new VaultError('unavailable');
    return result;
  }
}

export class InMemoryRosters implements RosterStore {
  readonly faults = new Faults();
  readonly rosters = new Map<string, StoredRoster>();
  readonly attachments = new Map<string, Uint8Array>();

  #id(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array): string {
    return `${keyOf(scope)}/${kind}/${toHex(hash)}`;
  }
  async get(scope: VaultScope) {
    return this.rosters.get(keyOf(scope));
  }
  async list({ org, user }: UserRef) {
    return [...this.rosters.values()].filter(({ scope }) => scope.org === org && scope.user === user);
  }
  create(roster: StoredRoster) {
    return this.faults.write(() => {
      if (this.rosters.has(keyOf(roster.scope))) return false;
      this.rosters.set(keyOf(roster.scope), roster);
      return true;
    });
  }
  replace(roster: StoredRoster, before: number) {
    return this.faults.write(() => {
      const stored = this.rosters.get(keyOf(roster.scope));
      if (stored?.seq !== before) return false;
      this.rosters.set(keyOf(roster.scope), { ...roster, deletableAt: stored.deletableAt });
      return true;
    });
  }
  setDeletable(scope: VaultScope, at: string | undefined) {
    return this.faults.write(() => {
      const stored = this.rosters.get(keyOf(scope));
      if (stored !== undefined) this.rosters.set(keyOf(scope), { ...stored, deletableAt: at });
    });
  }
  delete(scope: VaultScope) {
    return this.faults.write(() => void this.rosters.delete(keyOf(scope)));
  }
  putAttachment(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array, bytes: Uint8Array) {
    return this.faults.write(() => void this.attachments.set(this.#id(scope, kind, hash), bytes.slice()));
  }
  async getAttachments(scope: VaultScope, kind: AttachmentKind, hashes: readonly Uint8Array[]) {
    const found = new Map<string, Uint8Array>();
    for (const hash of hashes) {
      const bytes = this.attachments.get(this.#id(scope, kind, hash));
      if (bytes !== undefined) found.set(toHex(hash), bytes);
    }
    return found;
  }
  deleteAttachment(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array) {
    return this.faults.write(() => void this.attachments.delete(this.#id(scope, kind, hash)));
  }
  deleteOthers(scope: VaultScope) {
    return this.faults.write(() => {
      for (const id of this.attachments.keys()) if (id.startsWith(`${keyOf(scope)}/`)) this.attachments.delete(id);
      return true;
    });
  }
}

export class InMemoryLogs implements LogStore {
  readonly faults = new Faults();
  readonly entries = new Map<string, Uint8Array[]>();
  /** Names of entries that were pruned. They stay in `entries`, so that a test knows the whole log. */
  readonly pruned = new Set<string>();

  #isThere(scope: VaultScope, seq: number): boolean {
    return !this.pruned.has(`${keyOf(scope)}/${seq}`);
  }
  deleteEntry(scope: VaultScope, seq: number) {
    return this.faults.write(() => void this.pruned.add(`${keyOf(scope)}/${seq}`));
  }

  of(scope: VaultScope): Uint8Array[] {
    const log = this.entries.get(keyOf(scope)) ?? [];
    this.entries.set(keyOf(scope), log);
    return log;
  }
  put(scope: VaultScope, seq: number, signed: Uint8Array) {
    return this.faults.write(() => {
      const log = this.of(scope);
      if (log.length >= seq) return false;
      if (log.length !== seq - 1) throw new Error('an entry would leave a gap');
      log.push(signed.slice());
      return true;
    });
  }
  async get(scope: VaultScope, seq: number) {
    return this.#isThere(scope, seq) ? this.of(scope)[seq - 1] : undefined;
  }
  async list(scope: VaultScope, after: number, limit: number): Promise<LogPage> {
    const log = this.of(scope);
    const all = log.map((signed, at) => ({ seq: at + 1, signed })).filter(({ seq }) => seq > after);
    const there = all.filter(({ seq }) => this.#isThere(scope, seq));
    return { entries: there.slice(0, limit), more: there.length > limit };
  }
  deleteSome(scope: VaultScope) {
    return this.faults.write(() => {
      this.entries.delete(keyOf(scope));
      return true;
    });
  }
}

/** Rows in the order of their names, as in the table. */
export class InMemoryBundles implements BundleStore {
  readonly faults = new Faults();
  readonly #logs: InMemoryLogs;
  readonly bundles = new Map<string, StoredBundle>();
  readonly compactions = new Map<string, StoredCompaction>();
  readonly hashes = new Map<string, Uint8Array>();
  readonly rows = new Map<string, RecordRow>();
  /** Records of one page, so that small vaults have several. */
  rowsAtOnce = 3;

  constructor(logs: InMemoryLogs) {
    this.#logs = logs;
  }
  async getBundle(scope: VaultScope) {
    return this.bundles.get(keyOf(scope));
  }
  putBundle(scope: VaultScope, bundle: StoredBundle) {
    return this.faults.write(() => {
      if ((this.bundles.get(keyOf(scope))?.seq ?? 0) >= bundle.seq) return false;
      this.bundles.set(keyOf(scope), bundle);
      return true;
    });
  }
  async getCompaction(scope: VaultScope) {
    return this.compactions.get(keyOf(scope));
  }
  putCompaction(scope: VaultScope, compaction: StoredCompaction, before: number | undefined) {
    return this.faults.write(() => {
      if (this.compactions.get(keyOf(scope))?.step !== before) return false;
      this.compactions.set(keyOf(scope), compaction);
      return true;
    });
  }
  deleteCompaction(scope: VaultScope, step: number) {
    return this.faults.write(() => {
      if (this.compactions.get(keyOf(scope))?.step === step) this.compactions.delete(keyOf(scope));
    });
  }
  async getHashes(scope: VaultScope, name: HashListName) {
    return this.hashes.get(`${keyOf(scope)}/${name}`) ?? new Uint8Array(0);
  }
  putHashes(scope: VaultScope, name: HashListName, hashes: Uint8Array) {
    return this.faults.write(() => {
      const id = `${keyOf(scope)}/${name}`;
      if ((this.hashes.get(id)?.length ?? 0) < hashes.length) this.hashes.set(id, hashes.slice());
    });
  }
  putRow(scope: VaultScope, row: RecordRow) {
    return this.faults.write(() => void this.rows.set(rowIdOf(scope, row), row));
  }
  #rowsOfVault(scope: VaultScope): RecordRow[] {
    const ids = [...this.rows.keys()].filter((id) => id.startsWith(`${keyOf(scope)}/`)).sort();
    return ids.flatMap((id) => this.rows.get(id) ?? []);
  }
  async rowsOf(scope: VaultScope, record: string, before: number, limit: number) {
    const found = this.#rowsOfVault(scope).filter((row) => row.record === record && row.seq < before);
    return found.toReversed().slice(0, limit);
  }
  deleteRow(scope: VaultScope, row: Pick<RecordRow, 'record' | 'seq'>) {
    return this.faults.write(() => void this.rows.delete(rowIdOf(scope, row)));
  }
  async listRows(scope: VaultScope, after: string, before: number) {
    const newest = new Map<string, RecordRow>();
    for (const row of this.#rowsOfVault(scope)) if (row.seq < before) newest.set(row.record, row);
    const rows = [...newest.values()].filter(({ record }) => record > after);
    return { rows: rows.slice(0, this.rowsAtOnce), more: rows.length > this.rowsAtOnce };
  }
  deleteEntry(scope: VaultScope, seq: number) {
    return this.#logs.deleteEntry(scope, seq);
  }
}

const rowIdOf = (scope: VaultScope, { record, seq }: Pick<RecordRow, 'record' | 'seq'>): string =>
  `${keyOf(scope)}/${record}!${String(seq).padStart(12, '0')}`;

export class InMemoryPairings implements PairingStore {
  readonly faults = new Faults();
  readonly pairings = new Map<string, StoredPairing>();

  #id(scope: VaultScope, pairing: string): string {
    return `${keyOf(scope)}/${pairing}`;
  }
  async get(scope: VaultScope, pairing: string) {
    return this.pairings.get(this.#id(scope, pairing));
  }
  async list(scope: VaultScope) {
    return [...this.pairings].filter(([id]) => id.startsWith(`${keyOf(scope)}/`)).map(([, one]) => one);
  }
  create(scope: VaultScope, pairing: StoredPairing) {
    return this.faults.write(() => {
      const id = this.#id(scope, pairing.pairing);
      if (this.pairings.has(id)) return false;
      this.pairings.set(id, pairing);
      return true;
    });
  }
  add(scope: VaultScope, pairing: string, place: PairingPlace, message: Uint8Array) {
    return this.faults.write(() => {
      const stored = this.pairings.get(this.#id(scope, pairing));
      const present = stored?.messages[place];
      if (stored === undefined || (present !== undefined && !equalBytes(present, message))) return false;
      const messages = { ...stored.messages, [place]: message.slice() };
      this.pairings.set(this.#id(scope, pairing), { ...stored, messages });
      return true;
    });
  }
  delete(scope: VaultScope, pairing: string) {
    return this.faults.write(() => this.pairings.delete(this.#id(scope, pairing)));
  }
}
