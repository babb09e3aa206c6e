/** Keys of persons, which their devices publish and those who set values read (docs/approvals.md, section 8). */
import { approvalLimits } from '../../contract/approvals/limits.ts';
import type { ApproverKeyResponse, GetPersonKeyResponse, PutPersonKeyResponse } from '../../contract/approvals/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { approversOf, findApprover } from '../../core/approvals/approval-keys.ts';
import { maxPersonKeyEditions } from '../../core/approvals/limits.ts';
import { judgePersonKey, type PersonKeyContext, readPersonKey } from '../../core/approvals/person-key.ts';
import { isSignedBy } from '../../core/approvals/signed-statement.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { DirectoryStore } from '../directory/directory-ports.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { Clock } from '../shared/ports.ts';
import type { PersonKeyStore } from './approval-ports.ts';
import { maxEntriesBack, relationTo } from './entry-chain.ts';
import { keyRefused } from './key-refused.ts';

/** Devices and setters verify the key themselves. Here it is judged so that a faulty one does not replace a good one. */
export class PersonKeyService {
  readonly #store: PersonKeyStore;
  readonly #entries: Pick<DirectoryStore, 'listEntries'>;
  readonly #clock: Clock;

  constructor(store: PersonKeyStore, entries: Pick<DirectoryStore, 'listEntries'>, clock: Clock) {
    this.#store = store;
    this.#entries = entries;
    this.#clock = clock;
  }

  /**
   * Stores a later edition. The same statement again changes nothing.
   * @throws VaultError `approval_key_refused`, `person_key_conflict`, `unavailable`
   */
  async put({ org, device, view: { state } }: SessionSigner, signed: Uint8Array): Promise<PutPersonKeyResponse> {
    const now = this.#clock().getTime();
    const read = readPersonKey(signed);
    if (read?.key.device !== device.id) throw keyRefused('malformed');
    const relation = await relationTo(this.#entries, org, state.head, read.key.head, maxEntriesBack);
    const { person } = device;
    const refusal = judgePersonKey(read, { state, person, now, relationOf: () => relation });
    if (refusal !== undefined) throw keyRefused(refusal);
    const { edition } = read.key;
    const before = await this.#store.getPersonKey(org, person);
    if (before !== undefined && equalBytes(before, signed)) return { edition };
    const last = before === undefined ? 0 : editionOf(before, { state, person, now });
    const isLater = edition > last && edition <= last + maxPersonKeyEditions;
    if (!isLater || !(await this.#store.putPersonKey(org, person, signed, before)))
      throw new VaultError('person_key_conflict', { detail: 'Read the stored key first. Nothing was stored.' });
    return { edition };
  }

  /** @throws VaultError `unavailable` */
  async get({ org, device, view: { state } }: SessionSigner): Promise<GetPersonKeyResponse> {
    const now = this.#clock().getTime();
    const approvers = approversOf(state, device.person, now).slice(0, approvalLimits.devices);
    const [stored, keys] = await Promise.all([
      this.#store.getPersonKey(org, device.person),
      this.#store.getDeviceKeys(
        org,
        approvers.map(({ id }) => id),
      ),
    ]);
    return {
      ...(stored && { statement: encodeBase64Field(stored) }),
      devices: [...keys].map(([id, signed]) => ({ device: id, statement: encodeBase64Field(signed) })),
    };
  }
}

/**
 * The edition of a stored statement; 0 unless an approving device of the person signed it. Nothing else of the row counts: a
 * number that somebody wrote there would let no device publish any more.
 */
function editionOf(
  stored: Uint8Array,
  { state, person, now }: Pick<PersonKeyContext, 'state' | 'person' | 'now'>,
): number {
  const read = readPersonKey(stored);
  if (read === undefined || read.key.org !== state.org || read.key.person !== person) return 0;
  const signer = findApprover(state, read.key.device, now);
  return signer?.person === person && isSignedBy(signer.ik, read) ? read.key.edition : 0;
}

/** For those who set values. @throws VaultError `approver_unavailable`, `unavailable` */
export async function getApproverKeyOf(
  store: Pick<PersonKeyStore, 'getPersonKey'>,
  org: string,
  person: string,
): Promise<ApproverKeyResponse> {
  const stored = await store.getPersonKey(org, person);
  if (stored !== undefined) return { statement: encodeBase64Field(stored) };
  throw new VaultError('approver_unavailable', {
    detail: 'The person has no key. An approving device makes it: anima approvals key create. Nothing was stored.',
  });
}
