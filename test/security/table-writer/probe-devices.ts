/** Requests of users and devices about device vaults. */
import type { ReadDeviceLogResponse } from '../../../contract/devices/wire.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { Asker } from './asker.ts';
import { addFact, addMembers, type FactsByRecord } from './facts.ts';
import type { Probe } from './probe-context.ts';
import type { TestDeviceVault } from './world-org.ts';

const logPath = ({ vault }: VaultScope): string => `/v1/device-vaults/${vault}/log`;

const readLog = (asker: Asker, scope: VaultScope, keys: DeviceKeys): Promise<ReadDeviceLogResponse | undefined> =>
  asker.ask('GET', logPath(scope), { device: { keys, scope } });

export const probeDeviceRosters: Probe = async ({ world, asker }, facts) => {
  const { key } = world.mine.accounts.user ?? {};
  const { vaults = [] } = (await asker.ask('GET', '/v1/device-vaults', { key, isList: true })) ?? {};
  for (const { vault, ...rest } of vaults) {
    if (rest.state !== 'damaged')
      addMembers(facts, vault, 'the list of device vaults shows what the writer chose', rest);
  }
  for (const one of world.mine.deviceVaults) {
    await probeRequests(asker, facts, one);
    await probeRecoveryAndPairing(asker, facts, one, key);
  }
};

async function probeRequests(asker: Asker, facts: FactsByRecord, { scope, member, removed }: TestDeviceVault) {
  const { vault } = scope;
  // First, because the next request of a device brings an older roster up to the log.
  if ((await readLog(asker, scope, removed)) !== undefined)
    addFact(facts, vault, 'a removed device can send requests until the next request of a member', true);
  const { entries = [], deletableAt } = (await readLog(asker, scope, member)) ?? {};
  const wraps = entries.flatMap((entry) => entry.wraps ?? []);
  for (const [n, one] of wraps.entries())
    addFact(facts, vault, `devices get wraps that the writer chose, which they refuse\0${n}`, one);
  if (deletableAt !== undefined)
    addFact(facts, vault, 'devices are told a time of deletion that the writer chose', deletableAt);
}

async function probeRecoveryAndPairing(
  asker: Asker,
  facts: FactsByRecord,
  { scope: { vault }, pairing }: TestDeviceVault,
  key: string | undefined,
) {
  const { box } = (await asker.ask('GET', `/v1/device-vaults/${vault}/recovery`, { key })) ?? {};
  if (box !== undefined)
    addFact(facts, vault, 'the user gets a recovery box that the writer chose, which the code does not open', box);
  const path = `/v1/device-vaults/${vault}/pairings/${pairing}`;
  const { expiresAt, ...messages } = (await asker.ask('GET', path, { key })) ?? {};
  if (expiresAt === undefined) return;
  addFact(facts, vault, 'a pairing has another end', expiresAt);
  addMembers(facts, vault, 'a pairing has messages that the writer chose, so that the codes differ', messages);
}

export const probeDeviceLogs: Probe = async ({ world, asker }, facts) => {
  for (const { scope, member } of world.mine.deviceVaults) {
    const { entries = [], head } = (await readLog(asker, scope, member)) ?? {};
    for (const [n, { entry }] of entries.entries())
      addFact(facts, scope.vault, `devices get entries that the writer chose, at which they stop\0${n}`, entry);
    if (head !== undefined) addFact(facts, scope.vault, 'the head of a device vault is another one', head);
  }
};
