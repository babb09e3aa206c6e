/** Requests of approvals, for docs/costs.md: an agent uses a value after a person's device said yes. */
import type { LocalVault } from '../../local/vault/local-vault.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import { Anima } from '../../sdk/src/index.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import { type ApprovalTicket, isApprovalNeeded } from '../../sdk/src/values/approval-ticket.ts';

export interface ApprovalRequests {
  /** The agent asks, and gets a ticket. */
  ask(): Promise<void>;
  /** The device looks at its questions. */
  look(): Promise<void>;
  /** The device says yes. */
  answer(): Promise<void>;
  /** The agent sends the request again, and the broker sends it to the host. */
  use(): Promise<void>;
  /** The device lists what its person allowed. */
  listActivity(): Promise<void>;
}

const person = 'carcarcarcarcarc';
const name = 'approved/key';

/** Enrolls one device of a person in the directory of an org, and lists the broker of the person. */
async function enrollApprover(baseURL: string, directory: DirectoryAdmin): Promise<SessionClient> {
  const invite = await directory.invite({ person, role: 'owner' });
  let isAdmitted = false;
  const clock = {
    now: () => Date.now(),
    wait: async () => {
      if (!isAdmitted) await directory.admit({ invite, can: ['approve'] });
      isAdmitted = true;
    },
  };
  const device = await new SessionDevices({ storage: memoryStorage(), baseURL, clock, webSocket: false }).enroll({
    invite: invite.invite,
  });
  const broker = await directory.admitBroker(person);
  await device.countersign(broker.device, { fingerprint: broker.fingerprint });
  return device;
}

/** Begins a directory in an org that has none. @param host where the value can be used */
export async function beginApprovals(
  { url: baseURL }: LocalVault,
  { org, adminKey }: { readonly org: string; readonly adminKey: { readonly key: string } },
  host: string,
): Promise<ApprovalRequests> {
  const admin = new Anima({ apiKey: adminKey.key, baseURL });
  const keys = DirectoryAdmin.newKeys();
  const directory = new DirectoryAdmin({ org, authority: keys.authority, apiKey: adminKey.key, baseURL });
  await directory.genesis(keys.recovery);
  const device = await enrollApprover(baseURL, directory);
  await admin.vault.set(name, 'sk_live_0123456789abcdefghijklmnopq');
  await admin.vault.setRules(name, { hosts: [host], approver: person });
  await device.approvals.questions();
  const { key } = await admin.keys.create({ role: 'user-of-secrets' });
  const agent = new Anima({ apiKey: key, baseURL });
  const init = { headers: { authorization: `Bearer {{anima://${name}}}` }, reason: 'to refund a charge' };
  let ticket: ApprovalTicket | undefined;
  const asked = (): ApprovalTicket => {
    if (ticket === undefined) throw new Error('Nobody was asked. Nothing was counted.');
    return ticket;
  };
  return {
    ask: async () => {
      const error: unknown = await agent.vault.fetch(host, { ...init, approval: 'return' }).catch((thrown) => thrown);
      if (!isApprovalNeeded(error)) throw error;
      ticket = error.ticket;
    },
    look: async () => void (await device.approvals.questions()),
    answer: async () => void (await device.approvals.answer(asked().id, 'yes')),
    use: async () => void (await agent.vault.fetch(host, { ...init, approval: asked() })),
    listActivity: async () => {
      for await (const _ of device.approvals.activity()) break;
    },
  };
}
