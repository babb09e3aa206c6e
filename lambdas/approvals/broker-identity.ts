/** The broker as a device of a person (docs/format-approvals.md, section 1). Its keys exist while they are used. */
import type { BrokerKeysResponse } from '../../contract/approvals/wire.ts';
import { deriveBrokerKeys, isBrokerOf } from '../../core/approvals/approval-keys.ts';
import { deviceIdOf } from '../../core/directory/directory-ids.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { DeriveBrokerSeed } from './approval-ports.ts';

type BrokerKeys = ReturnType<typeof deriveBrokerKeys>;

export class BrokerIdentity {
  readonly #deriveSeed: DeriveBrokerSeed;

  constructor(deriveSeed: DeriveBrokerSeed) {
    this.#deriveSeed = deriveSeed;
  }

  /** What an admin lists in the directory. @throws VaultError `unavailable`, `key_unavailable` */
  publicKeys(org: string, person: string): Promise<BrokerKeysResponse> {
    return this.use(org, person, async ({ ik, dh }) => {
      const [identity, agreement] = [ik.publicKey, dh.key];
      const device = deviceIdOf(org, { ik: identity, dh: agreement });
      return { device, ik: encodeBase64Field(identity), dh: encodeBase64Field(agreement) };
    });
  }

  /** Derives the keys for one step, and zeroes them after it. @throws VaultError `unavailable`, `key_unavailable` */
  async use<T>(org: string, person: string, step: (keys: BrokerKeys) => Promise<T>): Promise<T> {
    const seed = await this.#deriveSeed(org, person);
    const keys = deriveBrokerKeys(seed);
    seed.fill(0);
    try {
      return await step(keys);
    } finally {
      keys.ik.seed.fill(0);
      keys.dh.secret.fill(0);
    }
  }
}

/** Whether the directory lists these keys as a broker of the person. */
export function isListedBroker(state: DirectoryState, person: string, { ik, dh }: BrokerKeys): boolean {
  const device = state.devices.get(deviceIdOf(state.org, { ik: ik.publicKey, dh: dh.key }));
  return device !== undefined && isBrokerOf(person, device);
}
