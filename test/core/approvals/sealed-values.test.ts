import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sharesForAnswer } from '../../../core/approvals/answer-shares.ts';
import type { AskedShare } from '../../../core/approvals/asked-shares.ts';
import { maxApprovalValueBytes } from '../../../core/approvals/limits.ts';
import {
  judgeQuestion,
  type OpenedQuestion,
  openQuestion,
  sealQuestion,
  signStatement,
} from '../../../core/approvals/question.ts';
import { openApprovalValue, openShare, sealApprovalValue } from '../../../core/approvals/sealed-value.ts';
import { formatSealedValue, parseSealedValue } from '../../../core/approvals/sealed-value-form.ts';
import { deriveRequestKey, openShares, sealShares, sharesHash } from '../../../core/approvals/shares.ts';
import { detailsHash, encodeDetails } from '../../../core/approvals/shown-request.ts';
import { type ApprovalStatement, rulesHashOf } from '../../../core/approvals/statement.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { ann, bob, org, otherOrg } from '../directory/directory-simulator.ts';
import { ApprovalScene, randomBytes, request } from './approval-fixture.ts';
import { type HeldKey, newPersonKey, nextEpoch } from './person-key-fixture.ts';

const rules = '{"allowed_hosts":"api.stripe.com"}';
const binding = { org, name: 'prod/stripe/key', version: 3, rulesHash: rulesHashOf(rules) };
const otherBindings = [
  { ...binding, org: otherOrg },
  { ...binding, name: 'prod/stripe/kez' },
  { ...binding, version: 4 },
  { ...binding, rulesHash: rulesHashOf('{"allowed_hosts":"evil.example"}') },
];
const secretText = 'sk_live_0123456789';

const seal = async (held: HeldKey, text = secretText) => {
  const stored = await sealApprovalValue(binding, held.key, utf8Bytes(text));
  return { stored, sealed: parseSealedValue(stored) ?? expect.fail('malformed') };
};

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('the inner layer', () => {
  test('gives back any text that a request can use', async () => {
    const held = await newPersonKey(new ApprovalScene());
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (text) => {
        const { sealed, stored } = await seal(held, text);
        expect(sealed).toMatchObject({ person: ann, epoch: 1, version: 3, rulesHash: binding.rulesHash });
        expect(formatSealedValue(sealed)).toBe(stored);
        const share = await openShare(binding, sealed, held.secret, sealed.share);
        expect(textOf(await openApprovalValue(binding, sealed, share))).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  test('has a new share each time', async () => {
    const held = await newPersonKey(new ApprovalScene());
    const [one, other] = [await seal(held), await seal(held)];
    const share = await openShare(binding, one.sealed, held.secret, one.sealed.share);
    await expect(openApprovalValue(binding, other.sealed, share)).rejects.toThrow(DecryptionError);
  });

  test('does not open under another path, version, org or rules: neither the share nor the value', async () => {
    const held = await newPersonKey(new ApprovalScene());
    const { sealed } = await seal(held);
    const share = await openShare(binding, sealed, held.secret, sealed.share);
    for (const other of otherBindings) {
      await expect(openShare(other, sealed, held.secret, sealed.share)).rejects.toThrow(DecryptionError);
      await expect(openApprovalValue(other, sealed, share)).rejects.toThrow(DecryptionError);
    }
    for (const address of [
      { person: bob, epoch: 1 },
      { person: ann, epoch: 2 },
    ])
      await expect(openShare(binding, address, held.secret, sealed.share)).rejects.toThrow(DecryptionError);
  });

  test('is refused if it is cut, longer, or any byte differs', async () => {
    const held = await newPersonKey(new ApprovalScene());
    const { sealed, stored } = await seal(held);
    const share = await openShare(binding, sealed, held.secret, sealed.share);
    const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
    for (let at = 0; at < sealed.box.length; at++)
      await expect(openApprovalValue(binding, { box: flipped(sealed.box, at) }, share)).rejects.toThrow(
        DecryptionError,
      );
    for (const at of [0, 31, 32, 79])
      await expect(openShare(binding, sealed, held.secret, flipped(sealed.share, at))).rejects.toThrow(DecryptionError);
    for (const text of [stored.slice(0, -1), `${stored}A`, stored.slice(1), stored.replace('v1', 'v2'), '', secretText])
      expect(parseSealedValue(text)).toBeUndefined();
    await expect(openApprovalValue(binding, sealed, share.subarray(1))).rejects.toThrow(DecryptionError);
  });

  test('has at most the bytes that a request can use', async () => {
    const held = await newPersonKey(new ApprovalScene());
    await seal(held, 'x'.repeat(maxApprovalValueBytes));
    await expect(seal(held, 'x'.repeat(maxApprovalValueBytes + 1))).rejects.toThrow(RangeError);
  });

  test('opens for a device that came later, and not for a removed one after the next epoch', async () => {
    const scene = new ApprovalScene();
    const first = await newPersonKey(scene);
    const old = await seal(first);
    const second = await nextEpoch(scene, first, [scene.phone]);
    const fresh = await seal(second);
    expect(fresh.sealed.epoch).toBe(2);
    // The removed device has the secret of the first epoch, and all that is stored.
    await expect(openShare(binding, fresh.sealed, first.secret, fresh.sealed.share)).rejects.toThrow(DecryptionError);
    expect(await openShare(binding, old.sealed, first.secret, old.sealed.share)).toHaveLength(32);
    await expect(openShare(binding, old.sealed, second.secret, old.sealed.share)).rejects.toThrow(DecryptionError);
  });
});

interface Asked {
  readonly scene: ApprovalScene;
  readonly held: HeldKey;
  readonly facts: ApprovalStatement;
  readonly question: OpenedQuestion;
  readonly sealed: Awaited<ReturnType<typeof seal>>['sealed'];
  readonly handle: Uint8Array;
  readonly secret: Uint8Array;
}

/** A value is set, and the broker asks the phone for it. */
async function ask(
  more: Partial<ApprovalStatement> = {},
  change: (asked: AskedShare) => AskedShare = (one) => one,
): Promise<Asked> {
  const scene = new ApprovalScene();
  const held = await newPersonKey(scene);
  const { sealed } = await seal(held);
  const [secret, handle] = [randomBytes(), randomBytes()];
  const details = await encodeDetails(request, '');
  const plain = scene.facts();
  const facts = {
    ...plain,
    detailsHash: detailsHash(details),
    values: [{ ...binding, places: ['header'] as const }],
    requestKey: deriveRequestKey(plain, secret, handle).key,
    ...more,
  };
  const share = { name: binding.name, version: 3, epoch: sealed.epoch, share: sealed.share, rules };
  const signed = signStatement(facts, scene.broker);
  const bytes = await sealQuestion(facts, scene.phone.key, signed, details, [change(share)]);
  const place = { org, device: scene.phone.id, approval: facts.approval };
  const question = (await openQuestion(place, scene.phone.secret, bytes)) ?? expect.fail('did not open');
  return { scene, held, facts, question, sealed, handle, secret };
}

const judge = ({ scene, question }: Asked) => judgeQuestion(question, scene.context(scene.phone));

describe('shares', () => {
  test('go from the device to the holder of secret and handle, and open the value', async () => {
    const asked = await ask();
    const { question, scene, held, facts, sealed } = asked;
    expect(judge(asked)).toBeUndefined();
    const shares = await sharesForAnswer(question, scene.phone.id, held.key, held.secret);
    expect(sharesHash(shares)).toHaveLength(32);
    const again = deriveRequestKey(facts, asked.secret, asked.handle);
    const [one] = await openShares(facts, question.statement, scene.phone.id, again.secret, shares);
    expect(one).toMatchObject({ name: binding.name, version: 3 });
    expect(textOf(await openApprovalValue(binding, sealed, one?.share ?? randomBytes()))).toBe(secretText);
  });

  test('do not open without the handle, without the secret, or for another approval, statement or device', async () => {
    const { question, scene, held, facts, secret, handle } = await ask();
    const shares = await sharesForAnswer(question, scene.phone.id, held.key, held.secret);
    const { statement } = question;
    const right = deriveRequestKey(facts, secret, handle).secret;
    const other = { ...facts, approval: 'anotherapproval0' };
    for (const [of, about, device, key] of [
      [facts, statement, scene.phone.id, deriveRequestKey(facts, secret, randomBytes()).secret],
      [facts, statement, scene.phone.id, deriveRequestKey(facts, randomBytes(), handle).secret],
      [facts, statement, scene.phone.id, deriveRequestKey(other, secret, handle).secret],
      [other, statement, scene.phone.id, right],
      [facts, statement.subarray(1), scene.phone.id, right],
      [facts, statement, scene.laptop.id, right],
    ] as const)
      await expect(openShares(of, about, device, key, shares)).rejects.toThrow(DecryptionError);
    for (const bytes of [shares.subarray(0, -1), new Uint8Array(0)])
      await expect(openShares(facts, statement, scene.phone.id, right, bytes)).rejects.toThrow(DecryptionError);
  });

  test('are refused in another form than the documented one', async () => {
    const { question, scene, facts, secret, handle } = await ask();
    const right = deriveRequestKey(facts, secret, handle).secret;
    const twice = { name: 'a', version: 1, share: randomBytes() };
    for (const list of [[], [twice, twice]]) {
      const shares = await sealShares(facts, question.statement, scene.phone.id, list);
      await expect(openShares(facts, question.statement, scene.phone.id, right, shares)).rejects.toThrow(
        DecryptionError,
      );
    }
    await expect(sealShares({ ...facts, requestKey: undefined }, question.statement, '', [])).rejects.toThrow(
      RangeError,
    );
  });

  test('are not given for rules that the setter did not seal, whatever the broker signs', async () => {
    const wide = '{"allowed_hosts":"evil.example"}';
    const values = [{ ...binding, rulesHash: rulesHashOf(wide), places: ['header'] as const }];
    const asked = await ask({ values }, (share) => ({ ...share, rules: wide }));
    expect(judge(asked)).toBeUndefined();
    const { question, scene, held } = asked;
    await expect(sharesForAnswer(question, scene.phone.id, held.key, held.secret)).rejects.toThrow(DecryptionError);
  });

  test('are asked for by a question for one use of these values and rules, with a key', async () => {
    const scope = { kind: 'time', path: '/**', uses: 3 } as const;
    for (const asked of [
      await ask({ scope }),
      await ask({ requestKey: undefined }),
      await ask({}, (share) => ({ ...share, rules: '{}' })),
      await ask({}, (share) => ({ ...share, version: 2 })),
      await ask({}, (share) => ({ ...share, name: 'prod/other' })),
    ])
      expect(judge(asked)).toBe('other_shares');
  });
});

test('with everything that the service stores, and all its keys, no value of 1,000 opens', async () => {
  const scene = new ApprovalScene();
  const held = await newPersonKey(scene);
  const { question, facts, secret, handle } = await ask();
  const recorded = await sealShares(facts, question.statement, scene.phone.id, [
    { name: binding.name, version: 3, share: randomBytes() },
  ]);
  // The keys of the broker, what it keeps for approvals, and an answer that was recorded. The handle is stored hashed.
  const guesses = [secret, facts.handleHash, scene.broker.seed, ...Array.from({ length: 3 }, () => randomBytes())];
  const keys = guesses.flatMap((guess) => [guess, deriveRequestKey(facts, secret, guess).secret]);
  for (const key of keys)
    await expect(openShares(facts, question.statement, scene.phone.id, key, recorded)).rejects.toThrow(DecryptionError);
  let opened = 0;
  for (let at = 0; at < 1000; at++) {
    const { sealed } = await seal(held, `value ${at}`);
    const key = keys[at % keys.length] ?? secret;
    const byShare = await openShare(binding, sealed, key, sealed.share).catch(() => undefined);
    const byValue = await openApprovalValue(binding, sealed, key).catch(() => undefined);
    if (byShare !== undefined || byValue !== undefined) opened += 1;
  }
  expect(opened).toBe(0);
  expect(deriveRequestKey(facts, secret, handle).key).toEqual(facts.requestKey);
});
