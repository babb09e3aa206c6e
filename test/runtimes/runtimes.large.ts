/** The SDK in Deno and Bun, with the deployed template on this machine. Skipped if `npm ci --prefix test/runtimes` did not run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-runtimes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const packages = join(projectFolder, 'test', 'runtimes', 'node_modules');
const runtimes = [
  ['deno', join(packages, 'deno', 'deno'), ['run', '--quiet', '--no-lock', '--allow-all']],
  ['bun', join(packages, 'bun', 'bin', 'bun.exe'), ['run']],
] as const;

/** 20 MiB are over the limit for content of one request, so both ways of uploading are used. */
const program = `
import { Anima, openBlob } from '${join(projectFolder, 'sdk', 'src', 'index.ts')}';

const client = new Anima({ maxRetries: 0 });
await client.vault.set('runtime', 'v');
for (const bytes of [3, 1_000_000, 20 * 2 ** 20]) {
  const content = new Uint8Array(bytes).map((_, at) => at % 251);
  const { url } = await client.blobs.put(content, { name: 'file.bin' });
  const opened = await (await openBlob(url)).bytes();
  if (opened.length !== bytes || opened.some((byte, at) => byte !== at % 251)) throw new Error('other bytes');
}
const { key } = await new Anima({ apiKey: process.env.ANIMA_ADMIN_KEY }).users.create();
const notes = new Anima({ apiKey: key }).memory.namespace('notes');
await notes.put('tea', { likes: 'tea' }, { index: ['likes'] });
const [found] = await notes.find({ filter: { likes: 'tea' } }).toArray();
console.log(await client.vault.get('runtime'), found?.key);
`;

describe('the SDK', () => {
  for (const [name, binary, args] of runtimes) {
    const isMissing = !existsSync(binary);
    const hint = isMissing ? ' (not installed: npm ci --prefix test/runtimes)' : '';
    test.skipIf(isMissing)(`keeps values, files of 20 MiB and memory in ${name}${hint}`, async () => {
      const file = join(folder, `${name}.ts`);
      writeFileSync(file, program);
      const { url, agentKey, adminKey } = stack.vault;
      const env = { ...process.env, ANIMA_KEY: agentKey, ANIMA_ADMIN_KEY: adminKey, ANIMA_URL: url };
      const child = spawn(binary, [...args, file], { cwd: folder, env });
      const [said, failed, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
      expect({ code, said }, failed).toEqual({ code: 0, said: 'v tea\n' });
    });
  }
});
