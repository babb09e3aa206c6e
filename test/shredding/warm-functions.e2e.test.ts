/** A shredding while functions are warm and busy: no request that begins after its response gets a plaintext. */
import { expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { shredNow } from './shred-org.ts';

const stack = useLocalStack({ functionConcurrency: 4 });

const orgs = 10;
const trialsEach = 100;
const secret = 'THE-PLAINTEXT-OF-THIS-TRIAL';

/** The results of the reads of one org during its shredding. */
interface Tally {
  /** Reads that began before the response: with and without a plaintext. */
  plain: number;
  refused: number;
  /** Reads that began after the response: with and without a plaintext. */
  leaked: number;
  good: number;
}

test(`in ${orgs * trialsEach} trials with reads in flight, no response to a request begun after the answer has a plaintext`, async () => {
  const sum: Tally = { plain: 0, refused: 0, leaked: 0, good: 0 };
  for (let n = 0; n < orgs; n++) await shredWhileRead(sum);
  expect(sum.leaked).toBe(0);
  expect(sum.good).toBeGreaterThanOrEqual(orgs * trialsEach);
  // Reads were in progress before and during the shredding. Otherwise, the test would check nothing.
  expect(sum.plain).toBeGreaterThan(orgs);
});

async function shredWhileRead(sum: Tally): Promise<void> {
  const org = await stack.newOrg();
  const names = Array.from({ length: trialsEach }, (_, i) => `t/${i}`);
  await stack.clientOf(org.agentKey).vault.setMany(names.map((name) => ({ name, value: secret })));
  const read = async (n: number) =>
    await (await stack.http('GET', `/v1/vault/values/t/${n % trialsEach}`, { key: org.agentKey })).text();
  // The functions are now warm, with the DEK in memory.
  for (const text of await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(read))) expect(text).toContain(secret);

  let acknowledged = false;
  let begunAfter = 0;
  const trial = async () => {
    const late = acknowledged;
    const text = await read(late ? begunAfter++ : 0);
    const plaintext = text.includes(secret);
    if (!plaintext) expect(JSON.parse(text).code).toBe('org_shredded');
    if (late) sum[plaintext ? 'leaked' : 'good']++;
    else sum[plaintext ? 'plain' : 'refused']++;
  };
  const reader = async () => {
    while (begunAfter < trialsEach) await trial();
  };
  const readers = Array.from({ length: 6 }, reader);
  await shredNow(stack, org);
  acknowledged = true;
  await Promise.all(readers);
}
