/** `anima approvals key`: recovery codes at the command line, with a local vault. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { temporaryHome } from './in-process-cli.ts';
import { enrollMachine, newDirectory, SessionMachine } from './session-homes.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('./fast-session-clock.ts'));

const stack = useLocalStack();
const homes = Array.from({ length: 4 }, temporaryHome);
const newMachine = () => new SessionMachine(homes.pop() ?? expect.fail('no home is left'), stack);

const codeIn = (page: string): string =>
  [...page.matchAll(/<li>([0-9A-Z]{4})<\/li>/g)].map(([, group]) => group).join('-');

test('a code is shown once, and brings the key to a new device when the others are lost', async () => {
  const { admin } = await newDirectory(stack, homes.pop() ?? expect.fail('no home is left'));
  const [phone, plain, fresh] = [newMachine(), newMachine(), newMachine()];
  const { person, device } = await enrollMachine(admin, phone, { can: 'approve' });
  await enrollMachine(admin, plain, { person, confirmer: phone });
  const key = ['approvals', 'key'] as const;

  // Nothing is made that nobody would see.
  for (const args of [['create'], ['create', '--json'], ['recovery'], ['rotate']])
    expect(await phone.run([...key, ...args])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('--file'),
    });
  expect((await phone.run([...key, 'show'])).stderr).toContain('key create');
  const file = join(phone.home.folder, 'page.html');
  const made = await phone.json([...key, 'create', '--file', file]);
  expect(made).toEqual({ person, file });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const first = codeIn(readFileSync(file, 'utf8'));
  expect(first).toHaveLength(39);
  expect(await phone.run([...key, 'create', '--file', `${file}2`])).toMatchObject({ code: 5 });
  expect(readdirSync(phone.home.folder)).not.toContain('page.html2');
  expect(await phone.run([...key, 'recovery', '--file', file])).toMatchObject({ code: 5, stdout: '' });

  const shown = await phone.run([...key, 'recovery'], { typed: [] });
  const code = /^ {4}(\S+)\n {4}(\S+)$/m.exec(shown.stdout)?.slice(1).join('-') ?? expect.fail(shown.stdout);
  expect(shown.stdout).toContain('shown once');
  expect(await phone.json([...key, 'show'])).toMatchObject({ edition: 2, isCurrent: true, hasRecovery: true });

  await admin.json(['directory', 'revoke', device, '--yes']);
  await enrollMachine(admin, fresh, { person, confirmer: plain, can: 'approve' });
  expect(await fresh.run([...key, 'recover'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no terminal'),
  });
  const wrong = await fresh.run([...key, 'recover'], { typed: [1, 2, 3].map(() => `${first}\r`) });
  expect(wrong).toMatchObject({ code: 7, stdout: '', stderr: expect.stringContaining('does not open the key') });
  const page = join(fresh.home.folder, 'next.html');
  const recovered = await fresh.run([...key, 'recover', '--file', page], {
    typed: [`${first}\r`, `${code.toLowerCase()}\r`],
  });
  expect([recovered.code, recovered.stderr]).toEqual([0, expect.stringContaining('set them again')]);
  for (const text of [first, code, code.toLowerCase(), code.slice(0, 9)])
    expect(recovered.stdout + recovered.stderr).not.toContain(text);
  expect(codeIn(readFileSync(page, 'utf8'))).not.toBe(code);
  expect(await fresh.json([...key, 'show'])).toMatchObject({
    ...{ epoch: 2, edition: 3, isCurrent: true, hasRecovery: true },
    devices: [{ isThis: true, hasKey: true }],
  });
});
