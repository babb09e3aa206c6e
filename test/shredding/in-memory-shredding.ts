/** Shredding with in-memory ports. Each call can fail before or after its work. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { roles } from '../../contract/shared/roles.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { addDek, type Keyring, newOrgKeyring } from '../../core/org-keys/org-keyring.ts';
import { parseKeyringOrTombstone, toStoredRecord } from '../../core/shredding/keyring-tombstone.ts';
import { type ShredReceipt, shredReceiptJwsType } from '../../core/shredding/receipt-statements.ts';
import { assembleCompactJws, jwsSigningInput, publicJwkFromSpki, verifyJws } from '../../core/signing/jws.ts';
import type { Caller } from '../../lambdas/api-keys/api-key-ports.ts';
import type { BlobRecordPurger, OrgObjectPurger, PurgeableBlob } from '../../lambdas/blobs/blob-ports.ts';
import { OrgBlobPurger } from '../../lambdas/blobs/org-blob-purger.ts';
import type { ShreddableKeyringStore } from '../../lambdas/org-keys/keyring-ports.ts';
import type { OrgMarkStore } from '../../lambdas/records/record-ports.ts';
import type { Signer } from '../../lambdas/shared/ports.ts';
import type { WorkflowStarter, WorkflowSteps } from '../../lambdas/shared/workflow-ports.ts';
import type { TableBackups } from '../../lambdas/shredding/shred-ports.ts';
import { ShredReceiptService } from '../../lambdas/shredding/shred-receipt-service.ts';
import { ShredService, type ShredWorkflowInput } from '../../lambdas/shredding/shred-service.ts';
import { runShredWorkflow } from '../../lambdas/shredding/shred-workflow.ts';
import { OrgUserPurger } from '../../lambdas/users/org-user-purger.ts';
import type { UserItemStore } from '../../lambdas/users/user-ports.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

export const noCopies: TableBackups = { backups: [], complete: true, pointInTimeRecovery: 'DISABLED' };

/** The outcome of a call: done, failed before it started, or done but the reply is lost. */
export type CallOutcome = 'done' | 'before' | 'after';

export function createInMemoryShredding() {
  const caller: Caller = { org: randomId(), keyId: randomId(), role: 'admin', verbs: roles.admin };
  const { org } = caller;
  const time = { now: new Date('2026-06-01T12:00:00.000Z') };
  const clock = () => time.now;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicJwkFromSpki(publicKey.export({ format: 'der', type: 'spki' }));

  const world = {
    record: toStoredRecord(newOrgKeyring(authenticationKeyOf(org), '2026-01-01T00:00:00.000Z')),
    copies: noCopies,
    userCopies: noCopies,
    started: new Map<string, ShredWorkflowInput>(),
    /** Object names, blob records by ID, and aborted uploads. */
    objects: new Set<string>(),
    records: new Map<string, PurgeableBlob>(),
    aborted: [] as string[],
    /** Item IDs of the user tables. */
    userKeyrings: new Set<string>(),
    userRecords: new Set<string>(),
    deviceRosters: new Set<string>(),
    deviceEntries: new Set<string>(),
    mailboxItems: new Set<string>(),
    directoryItems: new Set<string>(),
    brokerItems: new Set<string>(),
    approvalItems: new Set<string>(),
    secretRequests: new Set<string>(),
    calls: 0,
    /** Decides the outcome of the next call. */
    fate: (_call: number): CallOutcome => 'done',
    /** Runs before each change. */
    intrude: () => {},
  };
  async function call<T>(work: () => T): Promise<T> {
    const fate = world.fate(++world.calls);
    if (fate === 'before') throw new VaultError('unavailable');
    const result = work();
    if (fate === 'after') throw new VaultError('unavailable');
    return result;
  }
  const marks = new InMemoryOrgMarks().begin(org);
  const markStore: OrgMarkStore = {
    read: (one) => call(() => marks.stored.get(one)),
    write: (one, text, before) => call(() => marks.writeNow(one, text, before)),
  };
  const { keyringVerifier } = createRecordVerifiers(markStore, clock);
  const stored = () => parseKeyringOrTombstone(authenticationKeyOf(org), structuredClone(world.record));
  const store: ShreddableKeyringStore = {
    getRaw: () => call(() => structuredClone(world.record)),
    replaceIfUnchanged: (next, before) => {
      world.intrude();
      return call(() => {
        const now = stored();
        if (now.generation !== before.generation) return false;
        world.record = structuredClone(toStoredRecord(next));
        return true;
      });
    },
  };
  const signer: Signer = {
    sign: (payload, typ) =>
      call(() => {
        const input = jwsSigningInput(payload, typ, jwk.kid);
        return assembleCompactJws(input, sign('sha256', Buffer.from(input), privateKey));
      }),
  };
  const workflows: WorkflowStarter = {
    start: (name, input) => call(() => void world.started.set(name, input as ShredWorkflowInput)),
  };
  const counter = { countAfter: () => call(() => ({ count: 3, last: undefined })) };
  /** A page of a list, as services return it: up to `limit` items, and whether there are more. */
  const pageOf = <T>(all: readonly T[], limit: number) => ({ items: all.slice(0, limit), more: all.length > limit });
  const objects: OrgObjectPurger = {
    listKeys: (_, after = '') =>
      call(() =>
        pageOf(
          [...world.objects].sort().filter((name) => name > after),
          1000,
        ),
      ),
    deleteKeys: (_, names) =>
      call(() => {
        for (const name of names) world.objects.delete(name);
      }),
    abortMultipartUpload: (_, __, uploadId) => call(() => void world.aborted.push(uploadId)),
  };
  const records: BlobRecordPurger = {
    list: (_, before = '~', limit) =>
      call(() =>
        pageOf(
          [...world.records.values()].filter(({ id }) => id < before).sort((a, b) => (a.id < b.id ? 1 : -1)),
          limit,
        ),
      ),
    remove: (_, id) => call(() => void world.records.delete(id)),
  };
  const erasing = new OrgBlobPurger(objects, records);
  const userEraser = (ids: Set<string>): UserItemStore => ({
    list: (_, start, limit) =>
      call(() =>
        pageOf(
          [...ids].sort().filter((id) => start === undefined || id.startsWith(`${start}/`)),
          limit,
        ),
      ),
    delete: (_, deleted) =>
      call(() => {
        for (const id of deleted) ids.delete(id);
      }),
  });
  const users = new OrgUserPurger({
    keyrings: userEraser(world.userKeyrings),
    records: userEraser(world.userRecords),
    deviceRosters: userEraser(world.deviceRosters),
    deviceLogs: userEraser(world.deviceEntries),
    mailboxes: userEraser(world.mailboxItems),
    directories: userEraser(world.directoryItems),
    brokerRecords: userEraser(world.brokerItems),
    approvals: userEraser(world.approvalItems),
    secretRequests: userEraser(world.secretRequests),
  });
  const copies = { orgs: () => call(() => world.copies), users: () => call(() => world.userCopies) };
  const receipts = new ShredReceiptService(
    store,
    keyringVerifier,
    copies,
    { values: counter, blobs: erasing, users },
    signer,
    clock,
  );
  const shredding = new ShredService(store, keyringVerifier, erasing, users, receipts, workflows, clock);

  /** Replaces a keyring like rotations and first writes: only with the expected generation and without a lock. */
  function replace(next: Keyring): boolean {
    const now = stored();
    if (now.generation !== next.generation - 1) return false;
    world.record = toStoredRecord(next);
    return true;
  }
  function nextKeyring(): Keyring {
    const now = stored();
    if (now.state !== 'active') throw new Error('there is no keyring');
    return addDek(authenticationKeyOf(org), now, randomBytes(180), clock().toISOString());
  }
  time.now = new Date('2026-02-01T12:00:00.000Z');
  replace(nextKeyring());
  time.now = new Date('2026-06-01T12:00:00.000Z');

  /** The steps of a workflow, retried until they succeed. `waits` collects the waiting times in seconds. */
  const stepsOf = (waits: number[]): WorkflowSteps => ({
    async step(_, run) {
      for (;;) {
        try {
          return await run();
        } catch (error) {
          if (!(error instanceof VaultError && error.code === 'unavailable')) throw error;
        }
      }
    },
    wait: async (_, seconds) => {
      waits.push(seconds);
      time.now = new Date(time.now.getTime() + seconds * 1000);
    },
  });
  return {
    world,
    time,
    clock,
    caller,
    marks,
    shredding,
    receipts,
    stored,
    markOf: () => marks.markOf(org),
    verify: async () => {
      const read = async () => structuredClone(world.record);
      return await createRecordVerifiers(marks, clock).keyringVerifier.verify(await read(), org, read);
    },
    replace,
    nextKeyring,
    request: (waitDays?: number) => shredding.request(caller, { confirm: org, waitDays }),
    /** Runs every started workflow until it ends. */
    runWorkflows: async (waits: number[] = []) => {
      const results: object[] = [];
      for (const input of world.started.values()) {
        results.push(
          await runShredWorkflow(
            { shredService: shredding, blobPurger: erasing, userPurger: users, receiptService: receipts, clock },
            input,
            stepsOf(waits),
          ),
        );
      }
      return results;
    },
    said: (jws: string) => verifyJws(jws, [jwk], shredReceiptJwsType) as ShredReceipt | undefined,
  };
}
