/** The worked examples of docs/format-approvals.md, recomputed from the page. */
import { hkdfSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { readAnswer, signAnswer } from '../../../core/approvals/answer.ts';
import {
  brokerKeyMessage,
  deriveBrokerKeys,
  readApprovalKey,
  signApprovalKey,
} from '../../../core/approvals/approval-keys.ts';
import { areSharesOf } from '../../../core/approvals/asked-shares.ts';
import { readPersonKey, signPersonKey } from '../../../core/approvals/person-key.ts';
import { secretOfEpoch, unwrapForDevice, unwrapForRecovery } from '../../../core/approvals/person-key-wraps.ts';
import { openQuestion, signStatement } from '../../../core/approvals/question.ts';
import { openApprovalValue, openShare, sealApprovalValue } from '../../../core/approvals/sealed-value.ts';
import { parseSealedValue } from '../../../core/approvals/sealed-value-form.ts';
import { deriveRequestKey, openShares, sharesHash } from '../../../core/approvals/shares.ts';
import { authHash, detailsHash, encodeDetails } from '../../../core/approvals/shown-request.ts';
import { encodeStatement, handleHash, parseStatement, statementHash } from '../../../core/approvals/statement.ts';
import { encodeFieldBytes, toHex, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { blake2b256 } from '../../../core/hazmat/blake2b.ts';
import { ed25519KeyPairOf } from '../../../core/hazmat/ed25519.ts';
import { x25519PublicKey } from '../../../core/hazmat/x25519.ts';
import { readExamplePage } from '../example-page.ts';

const { text, hex, unread } = readExamplePage('format-approvals.md');
const directory = readExamplePage('format-directory.md');
const [org, person] = [text('org'), text('person')];
const device = text('A id');
const approval = text('approval id');
const ik = ed25519KeyPairOf(hex('A ik seed'));
const head = { seq: 24, hash: directory.hex('hash 24') };

test('the keys of the broker are those of the seed, by HKDF of node:crypto', () => {
  expect(hex('KMS message')).toEqual(encodeFieldBytes('anima:broker-key:v1', org, person));
  expect(hex('KMS message')).toEqual(brokerKeyMessage(org, person));
  const derived = (info: string) => new Uint8Array(hkdfSync('sha256', hex('seed'), new Uint8Array(0), info, 32));
  expect(ed25519KeyPairOf(derived('anima:broker:ik:v1')).publicKey).toEqual(hex('broker ik'));
  expect(x25519PublicKey(derived('anima:broker:dh:v1'))).toEqual(hex('broker dh'));
  const keys = deriveBrokerKeys(hex('seed'));
  expect([keys.ik.publicKey, keys.dh.key]).toEqual([hex('broker ik'), hex('broker dh')]);
});

test('the device is A of the directory, and its approval key is signed by it', () => {
  for (const key of ['A ik seed', 'A dh', 'A id']) expect(text(key)).toBe(directory.text(key));
  const key = { device, ak: hex('ak'), time: Number(text('ak time')) };
  expect(x25519PublicKey(hex('ak secret'))).toEqual(key.ak);
  expect(signApprovalKey(org, key, ik)).toEqual(hex('signed ak'));
  expect(readApprovalKey(org, { id: device, ik: ik.publicKey }, hex('signed ak'))).toEqual(key);
});

test('the question has the statement and the details, and opens', async () => {
  const request = JSON.parse(text('shown request'));
  const details = await encodeDetails(request, text('reason'));
  expect(details).toEqual(encodeFieldBytes(text('shown request'), text('reason'), ''));
  expect(detailsHash(details)).toEqual(hex('details hash'));
  expect(blake2b256(utf8Bytes(text('rules')))).toEqual(hex('rules hash'));
  const facts = {
    ...{ org, person, approval, handleHash: handleHash(hex('handle')), keyId: text('key id'), agent: text('agent') },
    ...{ run: text('run'), host: 'api.stripe.com', method: 'POST', detailsHash: hex('details hash'), head },
    values: [{ name: 'prod/stripe/key', version: 3, places: ['header'] as const, rulesHash: hex('rules hash') }],
    ...{ scope: { kind: 'once' } as const, asked: Number(text('asked')), expires: Number(text('expires')) },
  };
  const signed = signStatement(facts, deriveBrokerKeys(hex('seed')).ik);
  expect([toHex(signed.statement), toHex(signed.signature)]).toEqual([text('statement'), text('signature')]);
  const opened = await openQuestion({ org, device, approval }, hex('ak secret'), hex('question'));
  expect(opened).toEqual({ ...signed, details, facts, request, reason: text('reason'), earlier: '', shares: [] });
});

test('the scope of a run has the hash of auth', () => {
  expect(authHash({ auth: JSON.parse(text('auth')) })).toEqual(hex('auth hash'));
  expect(blake2b256(utf8Bytes(text('auth')))).toEqual(hex('auth hash'));
  const run = text('run of the vault');
  const scope = { kind: 'run', run, path: '/v1/refunds/**', uses: 20, authHash: hex('auth hash') } as const;
  const once = parseStatement(hex('statement')) ?? expect.fail('malformed');
  expect(decodeFieldBytes(encodeStatement({ ...once, scope }))?.[12]).toEqual(hex('scope of a run'));
  expect(hex('scope of a run')).toEqual(
    encodeFieldBytes('run', run, '/v1/refunds/**', new Uint8Array([0, 0, 0, 20]), hex('auth hash')),
  );
});

test('the answer is signed by A', () => {
  const answer = {
    ...{ org, approval, statementHash: hex('statement hash'), device, decision: 'yes' as const },
    ...{ time: Number(text('answer time')), head },
  };
  expect(statementHash(hex('statement'))).toEqual(answer.statementHash);
  expect(toHex(signAnswer(answer, ik))).toBe(text('signed answer'));
  expect(readAnswer(hex('signed answer'))?.answer).toEqual({ ...answer, sharesHash: undefined });
});

const epochs = [1, 2].map((epoch) => ({ org, person, epoch, key: hex(`epoch ${epoch} key`) }));
const [first, second] = [epochs[0] ?? expect.fail('none'), epochs[1] ?? expect.fail('none')];
const facts = parseStatement(hex('statement with key')) ?? expect.fail('malformed');
const binding = { org, name: 'prod/stripe/key', version: 3, rulesHash: hex('rules hash') };

test('the key of the person is signed by A, and opens for A, with the code and for the epoch before', async () => {
  const wraps = [{ device, sealed: hex('wrap for A') }];
  const earlier = [{ ...first, sealed: hex('sealed epoch 1') }].map(({ epoch, key, sealed }) => ({
    epoch,
    key,
    sealed,
  }));
  const signer = { device, time: Number(text('key time')), head };
  const key = { ...second, edition: 3, wraps, recovery: hex('recovery box'), earlier, ...signer };
  expect(toHex(signPersonKey(key, ik))).toBe(text('signed key'));
  expect(readPersonKey(hex('signed key'))?.key).toEqual(key);
  const secret = hex('epoch 2 secret');
  expect(x25519PublicKey(secret)).toEqual(second.key);
  expect(await unwrapForDevice(key, device, hex('ak secret'))).toEqual(secret);
  expect(await unwrapForRecovery(key, hex('recovery code'))).toEqual(secret);
  expect(await secretOfEpoch(key, secret, 1)).toEqual(hex('epoch 1 secret'));
});

test('the value is sealed under the share, and the share to the key of the person', async () => {
  const drawn = [hex('share'), hex('box nonce')];
  const stored = await sealApprovalValue(binding, second, utf8Bytes(text('value')), () => drawn.shift() ?? ik.seed);
  const [made, kept] = [parseSealedValue(stored), parseSealedValue(text('stored value'))];
  if (made === undefined || kept === undefined) expect.fail('malformed');
  expect(made).toEqual({ ...kept, share: made.share });
  expect(kept).toMatchObject({ person, epoch: 2, version: 3, rulesHash: binding.rulesHash });
  expect(await openShare(binding, kept, hex('epoch 2 secret'), kept.share)).toEqual(hex('share'));
  expect(await openApprovalValue(binding, kept, hex('share'))).toEqual(utf8Bytes(text('value')));
});

test('the question asks for the share, the answer has it, and the handle opens it', async () => {
  const input = Buffer.concat([hex('request secret'), hex('handle')]);
  const info = encodeFieldBytes('anima:approval-request-key:v1', org, approval);
  expect(new Uint8Array(hkdfSync('sha256', input, new Uint8Array(0), info, 32))).toEqual(hex('request key secret'));
  const derived = deriveRequestKey(facts, hex('request secret'), hex('handle'));
  expect([derived.secret, derived.key]).toEqual([hex('request key secret'), hex('request key')]);
  expect(facts.requestKey).toEqual(derived.key);
  const broker = deriveBrokerKeys(hex('seed')).ik;
  expect(signStatement(facts, broker).signature).toEqual(hex('its signature'));
  const question = await openQuestion({ org, device, approval }, hex('ak secret'), hex('question for shares'));
  const share = parseSealedValue(text('stored value'))?.share;
  expect(question?.shares).toEqual([{ name: binding.name, version: 3, epoch: 2, share, rules: text('rules') }]);
  expect(question && areSharesOf(question.facts, question.shares)).toBe(true);
  const statement = hex('statement with key');
  expect(await openShares(facts, statement, device, derived.secret, hex('shares'))).toEqual([
    { name: binding.name, version: 3, share: hex('share') },
  ]);
  expect(sharesHash(hex('shares'))).toEqual(hex('shares hash'));
  const answer = readAnswer(hex('answer with shares'))?.answer;
  expect(answer?.sharesHash).toEqual(hex('shares hash'));
  expect(answer && toHex(signAnswer(answer, ik))).toBe(text('answer with shares'));
  expect(answer?.statementHash).toEqual(statementHash(statement));
});

test('every example was read', () => {
  expect(unread(() => true)).toEqual([]);
});
