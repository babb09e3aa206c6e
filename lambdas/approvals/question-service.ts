/** Asks a person about a use (docs/approvals.md, sections 3 and 4). */
import { randomBytes } from 'node:crypto';
import { approvalLimits } from '../../contract/approvals/limits.ts';
import type { PendingFetch } from '../../contract/broker/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type ApprovalKey, approversOf, readApprovalKey } from '../../core/approvals/approval-keys.ts';
import type { AskedShare } from '../../core/approvals/asked-shares.ts';
import { sealQuestion, signStatement } from '../../core/approvals/question.ts';
import { deriveRequestKey } from '../../core/approvals/shares.ts';
import { detailsHash, encodeDetails } from '../../core/approvals/shown-request.ts';
import type { SignedStatement } from '../../core/approvals/signed-statement.ts';
import { type ApprovalStatement, handleHash } from '../../core/approvals/statement.ts';
import { isOpaqueName } from '../../core/directory/directory-ids.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import type { Clock } from '../shared/ports.ts';
import type { ApprovalStore, SealedQuestion, WakeDevices } from './approval-ports.ts';
import { type AskedUse, pendingFetch, type RequestSecrets, scopeOf } from './asked-use.ts';
import type { BrokerDirectory } from './broker-directory.ts';
import { type BrokerIdentity, isListedBroker } from './broker-identity.ts';
import { nextTurn, pending, type QuestionTurn } from './question-pace.ts';

export interface QuestionServiceDeps {
  readonly store: ApprovalStore;
  readonly directory: BrokerDirectory;
  readonly identity: BrokerIdentity;
  readonly wake: WakeDevices;
  readonly clock: Clock;
}

const handleBytes = 32;
const secretBytes = 32;

export class QuestionService {
  readonly #deps: QuestionServiceDeps;

  constructor(deps: QuestionServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Stores a question for each device that can answer, and tells them.
   * @throws VaultError `approval_pending`, `approver_unavailable`, `directory_refused`, `unavailable`; UseRefusal
   */
  async ask(use: AskedUse): Promise<PendingFetch> {
    const { directory, clock } = this.#deps;
    const { org } = use;
    const { approver: person } = use.rule;
    const state = await directory.read(org);
    const now = clock().getTime();
    const keys = await this.#approverKeys(state, person, now);
    if (keys.length === 0) throw unavailable(`${person} has no active device that can approve and published its key`);
    return await this.#deps.identity.use(org, person, async (broker) => {
      if (!isListedBroker(state, person, broker))
        throw unavailable(`the directory has no active broker of ${person} with the keys of this vault`);
      return await this.#askDevices(use, state, keys, broker.ik, now);
    });
  }

  async #askDevices(
    use: AskedUse,
    { head }: DirectoryState,
    keys: readonly ApprovalKey[],
    ik: Parameters<typeof signStatement>[1],
    now: number,
  ): Promise<PendingFetch> {
    const { store, wake } = this.#deps;
    const { org } = use;
    const { approver: person } = use.rule;
    const shown = await encodeShown(use, '');
    const turn = await this.#takeTurn(use, detailsHash(shown), now);
    const handle = randomBytes(handleBytes);
    const details = turn.earlier === '' ? shown : await encodeShown(use, turn.earlier);
    const { approval, expires } = turn.pointer;
    const request = use.shares.length === 0 ? undefined : newRequestKey({ org, approval }, handle, use.secrets);
    const facts: ApprovalStatement = {
      ...{ org, person, approval, handleHash: handleHash(handle), keyId: use.keyId, agent: use.agent, run: use.run },
      ...{ host: use.host, method: use.method, detailsHash: detailsHash(details), values: use.values },
      ...{ scope: scopeOf(use.rule.extent, randomId(), use.request), asked: now, expires, head },
      requestKey: request?.key,
    };
    const signed = signStatement(facts, ik);
    const questions = await sealForAll(facts, keys, signed, details, use.shares);
    const devices = questions.map(({ device }) => device);
    const secret = request?.secret;
    await store.put(org, { approval, ...signed, earlier: turn.earlier, devices, secret, expires }, questions);
    await wake(org, devices);
    return pendingFetch(
      { id: approval, scope: facts.scope, devices: devices.length, asked: now, expires, now },
      handle,
    );
  }

  /** The keys of the devices that may answer, up to a limit. */
  async #approverKeys(state: DirectoryState, person: string, now: number): Promise<readonly ApprovalKey[]> {
    const asked = approversOf(state, person, now).slice(0, approvalLimits.devices);
    if (asked.length === 0) return [];
    const stored = await this.#deps.store.getKeys(
      state.org,
      asked.map(({ id }) => id),
    );
    return asked.flatMap((device) => {
      const signed = stored.get(device.id);
      return (signed && readApprovalKey(state.org, device, signed)) ?? [];
    });
  }

  /** Makes this the question of the key, or of its login. @throws VaultError `approval_pending` */
  async #takeTurn(use: AskedUse, details: Bytes, now: number): Promise<QuestionTurn> {
    const { store } = this.#deps;
    const { org } = use;
    const asker = askerOf(use);
    const before = await store.getPointer(org, asker);
    // The row is not trusted, and a key of an item has a limited length.
    const stored = before && isOpaqueName(before.approval) ? await store.get(org, before.approval) : undefined;
    const turn = nextTurn({ approval: randomId(), details, now }, before, stored);
    if (!(await store.replacePointer(org, asker, turn.pointer, before))) throw pending(0);
    if (turn.replaced !== undefined) await store.withdraw(org, turn.replaced.approval, turn.replaced.devices);
    return turn;
  }
}

/** Who waits between questions. An agent with a login gets as many keys as it wants. */
const askerOf = ({ keyId, login }: AskedUse): string => (login === undefined ? keyId : `login/${login}`);

/** @throws UseRefusal for a request that cannot be shown */
export async function encodeShown({ request, reason }: AskedUse, earlier: string): Promise<Uint8Array> {
  try {
    return await encodeDetails(request, reason, earlier);
  } catch (error) {
    if (error instanceof RangeError)
      throw new UseRefusal(
        'The request cannot be shown to a person: a number in json is not a safe integer. Send such a body as text',
      );
    throw error;
  }
}

/** The key to which devices seal shares, and what it is derived from together with the handle, encrypted. */
function newRequestKey(
  id: Pick<ApprovalStatement, 'org' | 'approval'>,
  handle: Uint8Array,
  secrets: RequestSecrets,
): { readonly key: Bytes; readonly secret: string } {
  const secret = randomBytes(secretBytes);
  const derived = deriveRequestKey(id, secret, handle);
  derived.secret.fill(0);
  const sealed = secrets.seal(id.approval, secret);
  secret.fill(0);
  return { key: derived.key, secret: sealed };
}

async function sealForAll(
  facts: ApprovalStatement,
  keys: readonly ApprovalKey[],
  signed: SignedStatement,
  details: Uint8Array,
  shares: readonly AskedShare[],
): Promise<readonly SealedQuestion[]> {
  try {
    return await Promise.all(
      keys.map(async (key) => ({
        device: key.device,
        question: await sealQuestion(facts, key, signed, details, shares),
      })),
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UseRefusal('The request is too large to be shown to a person');
    throw error;
  }
}

const unavailable = (why: string): VaultError =>
  new VaultError('approver_unavailable', { detail: `Nobody was asked: ${why}. Nothing was sent.` });
