/**
 * Appends and reads entries of a directory (docs/session-service.md, section 2). An entry is stored by one write on the
 * condition that its place is free. Everything else follows from the entries, so a request that stopped after this
 * write leaves nothing wrong: the next one continues.
 */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { AppendDirectoryResponse, ReadDirectoryResponse } from '../../contract/sessions/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type DirectoryState, isAuthority, type Outcome } from '../../core/directory/directory-state.ts';
import { parseSignedEntry, type SignedDirectoryEntry } from '../../core/directory/entry.ts';
import { parseBody } from '../../core/directory/entry-bodies.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { DirectoryStore, InviteStore } from './directory-ports.ts';
import type { DirectoryReader } from './directory-reader.ts';
import { applyToView, type DirectoryView, emptyView, subjectCount } from './directory-view.ts';
import type { RevokedDevicePurger } from './revoked-device-purger.ts';
import type { SnapshotWriter } from './snapshot-writer.ts';

/** Bytes of entries in one answer: base64 has 4 characters for 3 bytes. */
const maxEntryBytes = Math.floor((sessionLimits.directoryReplyBytes * 3) / 4);

const nothingStored = 'Nothing was stored.';
const refuse = (reason: string): VaultError =>
  new VaultError('entry_refused', { detail: `The entry is refused: ${reason}. ${nothingStored}` });

/** Returns why an entry does not belong to this route; undefined if it does. */
export type EntryRule = (entry: SignedDirectoryEntry, state: DirectoryState) => string | undefined;

/** Entries that an admin appends. */
export const byAuthority: EntryRule = ({ op, signer }, state) =>
  op === 'genesis' || isAuthority(state, signer) || equalBytes(state.recovery, signer)
    ? undefined
    : 'neither an authority nor the recovery key signed it';

/** Entries that a device appends. @param ik of the device that signed the request */
export const byDevice =
  (ik: Uint8Array): EntryRule =>
  ({ op, signer }) => {
    if (op !== 'countersign' && op !== 'suspend') return 'a device appends only `countersign` and `suspend`';
    return equalBytes(signer, ik) ? undefined : 'another device signed it';
  };

export interface DirectoryLogServiceDeps {
  readonly store: DirectoryStore;
  readonly reader: DirectoryReader;
  readonly snapshotWriter: SnapshotWriter;
  readonly purger: RevokedDevicePurger;
  readonly invites: Pick<InviteStore, 'delete'>;
}

export class DirectoryLogService {
  readonly #deps: DirectoryLogServiceDeps;

  constructor(deps: DirectoryLogServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Appends an entry, and stores what follows from it. The same bytes again get the same answer.
   * @throws VaultError `log_conflict`, `entry_refused`, `directory_full`, `unavailable`
   */
  async append(org: string, signed: Uint8Array, rule: EntryRule): Promise<AppendDirectoryResponse> {
    const entry = parseSignedEntry(signed);
    if (typeof entry === 'string') throw refuse(entry);
    const before = (await this.#deps.reader.read(org)).view ?? emptyView(org);
    const { seq } = before.state.head;
    const after =
      entry.seq <= seq
        ? await this.#requireStored(before, entry, signed)
        : await this.#store(before, entry, signed, rule);
    await this.#follow(after, entry);
    return { seq: entry.seq };
  }

  async #requireStored(view: DirectoryView, { seq }: SignedDirectoryEntry, signed: Uint8Array): Promise<DirectoryView> {
    const { head, org } = view.state;
    const stored = await this.#deps.store.getEntry(org, seq);
    if (stored !== undefined && equalBytes(stored, signed)) return view;
    throw new VaultError('log_conflict', { detail: `The head is entry ${head.seq}. ${nothingStored}` });
  }

  async #store(
    before: DirectoryView,
    entry: SignedDirectoryEntry,
    signed: Uint8Array,
    rule: EntryRule,
  ): Promise<DirectoryView> {
    const { outcome, next } = applyToView(before, signed);
    assertAcceptable(before.state, entry, outcome, rule);
    const { org } = before.state;
    if (await this.#deps.store.putEntry(org, entry.seq, signed)) return this.#deps.reader.keep(next);
    const stored = await this.#deps.store.getEntry(org, entry.seq);
    if (stored !== undefined && equalBytes(stored, signed)) return this.#deps.reader.keep(next);
    throw new VaultError('log_conflict', { detail: nothingStored });
  }

  /** What follows from the entries: a snapshot, the end of an invite, and the end of what revoked devices had. */
  async #follow(view: DirectoryView, entry: SignedDirectoryEntry): Promise<void> {
    const { reader, snapshotWriter, purger, invites } = this.#deps;
    const stored = await snapshotWriter.store(view);
    if (stored !== view) reader.keep(stored);
    const body = entry.op === 'admit' ? parseBody(entry.op, entry.body) : undefined;
    if (body?.op === 'admit' && body.device.invite !== '') await invites.delete(view.state.org, body.device.invite);
    await purger.purge(view.state);
  }

  /** Reads the entries after one. @throws VaultError `unavailable` */
  async read(view: DirectoryView | undefined, after: number, limit: number): Promise<ReadDirectoryResponse> {
    if (view === undefined) return { entries: [], head: 0, more: false };
    const { org, head } = view.state;
    const page = await this.#deps.store.listEntries(org, after, limit, maxEntryBytes);
    const entries = page.entries.filter(({ seq }, index) => seq === after + 1 + index && seq <= head.seq);
    return {
      entries: entries.map(({ signed }) => encodeBase64Field(signed)),
      head: head.seq,
      more: page.more || entries.length < page.entries.length,
    };
  }

  /** Reads for an admin, and continues what an earlier request did not finish. @throws VaultError `unavailable` */
  async readAsAdmin(org: string, after: number, limit: number): Promise<ReadDirectoryResponse> {
    const { view } = await this.#deps.reader.read(org);
    if (view !== undefined) await this.#deps.purger.purge(view.state);
    return await this.read(view, after, limit);
  }
}

function assertAcceptable(state: DirectoryState, entry: SignedDirectoryEntry, outcome: Outcome, rule: EntryRule): void {
  if (outcome.result === 'stop') throw refuse(outcome.reason);
  const problem = rule(entry, state);
  if (problem !== undefined) throw refuse(problem);
  const count = subjectCount(outcome.state);
  if (count > sessionLimits.directorySubjects && count > subjectCount(state)) throw new VaultError('directory_full');
}
