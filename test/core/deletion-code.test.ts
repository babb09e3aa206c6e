/** The code that a message must carry to delete an account (docs/format.md, section 12). */
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { deletionCodeAt, isDeletionCode } from '../../core/users/confirmation-codes.ts';
import { deriveUmk } from '../../core/users/user-root-key.ts';

// The example of the page: this UMK, and the keyring key that is derived from it.
const owner = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz' };
const umk = deriveUmk(Buffer.from([...Array(32).keys()].map((n) => 0x60 + n)), owner);
const keyringKey = '660fa747d9ce59795546f4a41aa0bc11223d31b5ef37c406aa6a61c10bc26a48';
const at = new Date('2026-11-21T12:07:00.000Z');
const minutes = (count: number) => new Date(at.getTime() + count * 60_000);

/** An implementation that follows only the text of the page. */
function byThePage(generation: bigint, quarter: bigint): string {
  const u32 = (value: number) => Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
  const u64 = (value: bigint) => Buffer.from(value.toString(16).padStart(16, '0'), 'hex');
  const fields = [...['anima:deletion-code:v1', owner.org, owner.user].map((text) => Buffer.from(text))];
  fields.push(u64(generation), u64(quarter));
  const message = Buffer.concat(fields.flatMap((field) => [u32(field.length), field]));
  const mac = createHmac('sha256', Buffer.from(keyringKey, 'hex')).update(message).digest();
  return [...mac.subarray(0, 6)].map((byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte & 31]).join('');
}

test('is made as the page has it', () => {
  expect(deletionCodeAt(umk, 3, at)).toBe(byThePage(3n, BigInt(Date.parse('2026-11-21T12:00:00Z') / 900_000)));
  expect(deletionCodeAt(umk, 3, at)).toMatch(/^[0-9A-HJKMNP-TV-Z]{6}$/);
});

test('is accepted in its quarter of an hour and the next, however it is typed, for this keyring alone', () => {
  const code = deletionCodeAt(umk, 3, at);
  const typed = ` ${code.slice(0, 3).toLowerCase().replace(/0/g, 'o').replace(/1/g, 'l')}-${code.slice(3)}`;
  expect(isDeletionCode(umk, 3, at, typed)).toBe(true);
  for (const [after, good] of [
    [-8, false],
    [-7, true],
    [7, true],
    [22, true],
    [23, false],
  ] as const)
    expect(isDeletionCode(umk, 3, minutes(after), code), String(after)).toBe(good);
  expect(isDeletionCode(umk, 4, at, code)).toBe(false);
  const other = deriveUmk(Buffer.alloc(32, 1), owner);
  expect(isDeletionCode(other, 3, at, code)).toBe(false);
  for (const wrong of [
    '',
    code.slice(1),
    `${code}0`,
    `${code.slice(0, 5)}U`,
    code.replace(/.$/, (last) => (last === '7' ? '8' : '7')),
  ])
    expect(isDeletionCode(umk, 3, at, wrong), wrong).toBe(false);
});
