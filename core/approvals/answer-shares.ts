/** Shares for an answer, on the device that gives it (docs/format-approvals.md, section 7). */
import { DecryptionError } from '../decryption-error.ts';
import type { Bytes } from '../encoding/bytes.ts';
import type { PersonKey } from './person-key.ts';
import { secretOfEpoch } from './person-key-wraps.ts';
import type { OpenedQuestion } from './question.ts';
import { openShare } from './sealed-value.ts';
import { zeroShares } from './sealed-value-form.ts';
import { sealShares, type ValueShare } from './shares.ts';

/**
 * Opens the shares that a judged question asks for, and seals them to its request key.
 * @param personKey the key of the person, and its secret
 * @throws DecryptionError for every cause: a value was set with other rules, for another person, or to a lost key
 */
export async function sharesForAnswer(
  { facts, statement, shares: asked }: OpenedQuestion,
  device: string,
  personKey: PersonKey,
  secret: Uint8Array,
): Promise<Bytes> {
  const opened: ValueShare[] = [];
  try {
    for (const { name, version, epoch, share } of asked) {
      const value = facts.values.find((one) => one.name === name && one.version === version);
      if (value === undefined) throw new DecryptionError();
      const binding = { org: facts.org, name, version, rulesHash: value.rulesHash };
      const ofEpoch = await secretOfEpoch(personKey, secret, epoch);
      try {
        const address = { person: facts.person, epoch };
        opened.push({ name, version, share: await openShare(binding, address, ofEpoch, share) });
      } finally {
        ofEpoch.fill(0);
      }
    }
    return await sealShares(facts, statement, device, opened);
  } finally {
    zeroShares(opened);
  }
}
