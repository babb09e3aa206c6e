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
import { openQuestion, signStatement } from '../../../core/approvals/question.ts';
import { detailsHash, encodeDetails } from '../../../core/approvals/shown-request.ts';
import { handleHash, statementHash } from '../../../core/approvals/statement.ts';
import { encodeFieldBytes, toHex, utf8Bytes } from '../../../core/encoding/bytes.ts';
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
  expect(opened).toEqual({ ...signed, details, facts, request, reason: text('reason'), earlier: '' });
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

test('every example was read', () => {
  expect(unread(() => true)).toEqual([]);
});
