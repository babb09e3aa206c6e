/** The directory that the broker believes: verified, and not below what it used before (docs/approvals.md, section 2). */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { HeadRelation } from '../../core/directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState } from '../../core/directory/directory-state.ts';
import { fromHex, toHex } from '../../core/encoding/bytes.ts';
import type { DirectoryMark } from '../../core/records/directory-mark.ts';
import type { DirectoryStore } from '../directory/directory-ports.ts';
import type { DirectoryReader } from '../directory/directory-reader.ts';
import type { DirectoryMarks } from './directory-marks.ts';
import { maxEntriesBack, relationTo } from './entry-chain.ts';

const refused = (): VaultError =>
  new VaultError('directory_refused', { detail: 'Nothing was sent to the host. Tell the operator of the vault.' });

export class BrokerDirectory {
  readonly #reader: Pick<DirectoryReader, 'read'>;
  readonly #store: Pick<DirectoryStore, 'listEntries'>;
  readonly #marks: DirectoryMarks;

  constructor(
    reader: Pick<DirectoryReader, 'read'>,
    store: Pick<DirectoryStore, 'listEntries'>,
    marks: DirectoryMarks,
  ) {
    this.#reader = reader;
    this.#store = store;
    this.#marks = marks;
  }

  /**
   * The state after the newest entry, which is marked from now on.
   * @throws VaultError `approver_unavailable` if the org has no directory, `directory_refused`; DecryptionError
   */
  async read(org: string): Promise<DirectoryState> {
    const { view } = await this.#reader.read(org);
    if (view === undefined)
      throw new VaultError('approver_unavailable', { detail: 'The organization has no directory. Nothing was sent.' });
    const { state } = view;
    const { seq, hash } = state.head;
    const now: DirectoryMark = { org, genesis: toHex(state.genesis), seq, hash: toHex(hash) };
    const mark = await this.#marks.getOrCreate(now);
    if (mark === undefined) return state;
    const marked = { seq: mark.seq, hash: fromHex(mark.hash) ?? new Uint8Array(0) };
    const relation = await relationTo(this.#store, org, state.head, marked, Number.POSITIVE_INFINITY);
    if (mark.genesis !== now.genesis || relation !== 'known') throw refused();
    if (mark.seq < seq) await this.#marks.raise(now);
    return state;
  }

  /** How a head relates to a state that `read` returned. */
  relation({ org, head }: DirectoryState, other: DirectoryHead): Promise<HeadRelation> {
    return relationTo(this.#store, org, head, other, maxEntriesBack);
  }
}
