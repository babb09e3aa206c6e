/**
 * The log of a device vault (docs/device-service.md, section 2). An entry is stored by one write on the condition that
 * its place is free, and the roster follows. A request that finds an entry behind the roster moves the roster first.
 */

import { deviceLimits } from '../../contract/devices/limits.ts';
import type { AppendDeviceLogResponse, ReadDeviceLogResponse } from '../../contract/devices/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { isRosterKind, parseSignedEntry, type SignedEntry } from '../../core/devices/chain-entry.ts';
import type { Outcome } from '../../core/devices/chain-state.ts';
import { parseRosterBody } from '../../core/devices/roster-body.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { equalBytes, toHex } from '../../core/encoding/bytes.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { AttachmentKind, LogStore, RosterStore } from './device-ports.ts';
import { type Attachment, attachmentHashes, requireAttachments } from './entry-attachments.ts';
import { isMissingEntry } from './log-refill.ts';
import type { Approval, PairingService } from './pairing-service.ts';
import type { Roster, RosterVerifier } from './roster-verifier.ts';

/** An entry to append. */
export interface NewEntry {
  readonly signed: Uint8Array;
  readonly attachments: Readonly<Partial<Record<AttachmentKind, Uint8Array>>>;
  /** The message for the device that the entry adds. */
  readonly approval?: Approval | undefined;
}

/** Bytes of entries in one answer: base64 has 4 characters for 3 bytes. */
const maxEntryBytes = Math.floor((deviceLimits.deviceLogReplyBytes * 3) / 4);

const nothingStored = 'Nothing was stored.';
const refuse = (reason: string): VaultError =>
  new VaultError('entry_refused', { detail: `The entry is refused: ${reason}. ${nothingStored}` });

export interface DeviceLogServiceDeps {
  readonly rosters: RosterStore;
  readonly logs: LogStore;
  readonly rosterVerifier: RosterVerifier;
  readonly pairings: Pick<PairingService, 'requirePlaceFor' | 'addApproval'>;
}

export class DeviceLogService {
  readonly #deps: DeviceLogServiceDeps;

  constructor(deps: DeviceLogServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Appends an entry of the member that signed the request, then stores the message for the device that it adds. The
   * same request again gets the same answer, and stores what is missing.
   * @throws VaultError `log_conflict`, `entry_refused`, `pairing_not_found`, `pairing_conflict`, `device_vault_full`,
   *   `write_contention`, `unavailable`
   */
  async append(roster: Roster, device: string, sent: NewEntry): Promise<AppendDeviceLogResponse> {
    const { signed, approval } = sent;
    const entry = parseSignedEntry(signed);
    if (typeof entry === 'string') throw refuse(entry);
    if (approval !== undefined && !(await isApprovedBy(entry, approval)))
      throw refuse('it does not add a device of the pairing that the message belongs to');
    const { current, outcome } = await this.#apply(roster, entry.seq, signed);
    if (outcome === undefined) await this.#requireStored(current, device, entry, signed);
    else await this.#appendNext(current, device, entry, outcome, sent);
    // The answer is about the entry, which stays whatever became of the pairing in the meantime.
    if (approval !== undefined) await this.#deps.pairings.addApproval(current.state.scope, approval);
    return { seq: entry.seq };
  }

  async #appendNext(
    current: Roster,
    device: string,
    entry: SignedEntry,
    outcome: Outcome,
    { signed, attachments, approval }: NewEntry,
  ): Promise<void> {
    if (outcome.result === 'stop') throw refuse(outcome.reason);
    if (entry.signer !== device) throw refuse('another member signed it');
    const isOver = current.stored.logBytes + signed.length > deviceLimits.deviceLogBytes;
    if (isOver && !isRosterChange(entry, outcome)) throw new VaultError('device_vault_full');
    if (approval !== undefined) await this.#deps.pairings.requirePlaceFor(current.state.scope, approval);
    await this.#store(current, entry, signed, outcome, attachments);
  }

  /** The outcome of an entry; undefined if its place is taken. The log is read only if the entry does not follow. */
  async #apply(
    roster: Roster,
    seq: number,
    signed: Uint8Array,
  ): Promise<{ readonly current: Roster; readonly outcome?: Outcome }> {
    if (seq <= roster.state.head.seq) return { current: roster };
    const outcome = await applyEntry(roster.state, signed);
    if (outcome.result !== 'stop') return { current: roster, outcome };
    const current = await this.#catchUp(roster);
    if (seq <= current.state.head.seq) return { current };
    return { current, outcome: await applyEntry(current.state, signed) };
  }

  /** Reads the entries after one. @throws VaultError `unavailable` */
  async read(roster: Roster, after: number, limit: number): Promise<ReadDeviceLogResponse> {
    const { scope } = roster.state;
    const page = await this.#deps.logs.list(scope, after, limit, maxEntryBytes);
    const entries = denseFrom(page.entries, after + 1);
    const last = entries.at(-1)?.seq ?? after;
    const current = last > roster.state.head.seq ? await this.#catchUp(roster) : roster;
    const head = current.state.head.seq;
    const shown = entries.filter(({ seq }) => seq <= head);
    const { deletableAt } = current.stored;
    return {
      entries: await this.#withWraps(scope, shown),
      head,
      more: page.more || shown.length < page.entries.length,
      ...(deletableAt === undefined ? {} : { deletableAt }),
    };
  }

  async #withWraps(
    scope: VaultScope,
    entries: readonly { readonly signed: Uint8Array }[],
  ): Promise<ReadDeviceLogResponse['entries']> {
    const hashes = await Promise.all(
      entries.map(async ({ signed }) => {
        const entry = parseSignedEntry(signed);
        return typeof entry === 'string' ? undefined : (await attachmentHashes(entry)).wraps;
      }),
    );
    const wanted = hashes.filter((hash) => hash !== undefined);
    const wraps = wanted.length === 0 ? new Map() : await this.#deps.rosters.getAttachments(scope, 'wraps', wanted);
    return entries.map(({ signed }, at) => {
      const hash = hashes[at];
      const found = hash === undefined ? undefined : wraps.get(toHex(hash));
      return { entry: encodeBase64Field(signed), ...(found === undefined ? {} : { wraps: encodeBase64Field(found) }) };
    });
  }

  /**
   * Requires that the place of an entry is taken by the same bytes. Stores an entry that the log lost.
   * @throws VaultError `log_conflict`
   */
  async #requireStored({ state }: Roster, device: string, entry: SignedEntry, signed: Uint8Array): Promise<void> {
    const { logs } = this.#deps;
    const { seq } = entry;
    const stored = await logs.get(state.scope, seq);
    if (stored !== undefined && equalBytes(stored, signed)) return;
    // The hash of an entry does not cover its signature, so not every member may fill a gap.
    const isRefill = stored === undefined && state.members.get(device)?.role === 'admin';
    if (isRefill && (await isMissingEntry(state, entry, logs)) && (await logs.put(state.scope, seq, signed))) return;
    throw new VaultError('log_conflict', { detail: `The head is entry ${state.head.seq}. ${nothingStored}` });
  }

  async #store(
    before: Roster,
    entry: SignedEntry,
    signed: Uint8Array,
    outcome: Exclude<Outcome, { readonly result: 'stop' }>,
    sent: NewEntry['attachments'],
  ): Promise<void> {
    const { rosters, logs } = this.#deps;
    const { scope } = before.state;
    // A void entry has no effect, so its attachments are of no use.
    const attachments = outcome.result === 'accept' ? await requireAttachments(entry, sent) : [];
    for (const { kind, hash, bytes } of attachments) await rosters.putAttachment(scope, kind, hash, bytes);
    if (!(await logs.put(scope, entry.seq, signed))) {
      const stored = await logs.get(scope, entry.seq);
      if (stored === undefined || !equalBytes(stored, signed)) {
        await this.#deleteUnused(scope, attachments, stored);
        throw new VaultError('log_conflict', { detail: nothingStored });
      }
    }
    await this.#follow(before, outcome, signed.length);
  }

  /** Deletes the attachments of an entry that lost a race, except those that the winner has too. */
  async #deleteUnused(
    scope: VaultScope,
    attachments: readonly Attachment[],
    winner: Uint8Array | undefined,
  ): Promise<void> {
    const entry = winner === undefined ? 'malformed' : parseSignedEntry(winner);
    const used = typeof entry === 'string' ? {} : await attachmentHashes(entry);
    for (const { kind, hash } of attachments) {
      if (!isSame(hash, used[kind])) await this.#deps.rosters.deleteAttachment(scope, kind, hash);
    }
  }

  /** Stores the roster after an entry. If another request did so already, nothing is left to do. */
  async #follow(
    before: Roster,
    outcome: Exclude<Outcome, { readonly result: 'stop' }>,
    bytes: number,
  ): Promise<Roster> {
    const { rosters, rosterVerifier } = this.#deps;
    const { stored } = before;
    const next = await rosterVerifier.seal(outcome.state, { ...stored, logBytes: stored.logBytes + bytes });
    const isStored = await rosters.replace(next.stored, stored.seq);
    const { recoveryBox } = before.state;
    if (isStored && recoveryBox !== undefined && !isSame(recoveryBox, outcome.state.recoveryBox)) {
      await rosters.deleteAttachment(before.state.scope, 'recovery', recoveryBox);
    }
    return next;
  }

  /** The roster after all entries that are stored, also those whose request ended before it moved the roster. */
  async #catchUp(roster: Roster): Promise<Roster> {
    const { logs } = this.#deps;
    let current = roster;
    for (;;) {
      const { head, scope } = current.state;
      const page = await logs.list(scope, head.seq, deviceLimits.deviceLogPage, maxEntryBytes);
      const entries = denseFrom(page.entries, head.seq + 1);
      for (const { signed } of entries) {
        const outcome = await applyEntry(current.state, signed);
        // Somebody changed the table: the rest of the log cannot follow.
        if (outcome.result === 'stop') return current;
        current = await this.#follow(current, outcome, signed.length);
      }
      if (entries.length === 0 || !page.more) return current;
    }
  }
}

/** Whether an entry adds a device by the pairing of a message. */
async function isApprovedBy({ kind, body }: SignedEntry, { pairing }: Approval): Promise<boolean> {
  const added = kind === 'add' ? await parseRosterBody(kind, body) : undefined;
  return added?.kind === 'add' && added.pairing === pairing;
}

/**
 * Whether an entry changes the roster. A full log takes these entries still: otherwise a device that fills it could not be
 * removed. Their number and size are bounded.
 */
const isRosterChange = ({ kind }: SignedEntry, { result }: Outcome): boolean =>
  isRosterKind(kind) && result === 'accept';

const isSame = (a: Uint8Array, b: Uint8Array | undefined): boolean => b !== undefined && equalBytes(a, b);

/** The entries from a sequence number on, up to the first gap. */
function denseFrom<T extends { readonly seq: number }>(entries: readonly T[], first: number): readonly T[] {
  const gap = entries.findIndex(({ seq }, at) => seq !== first + at);
  return gap === -1 ? entries : entries.slice(0, gap);
}
