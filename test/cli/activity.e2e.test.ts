/** `anima approvals activity`, after a question that was answered at the command line, with a local vault. */
import { expect, test, vi } from 'vitest';
import { startHostileServer } from '../egress/hostile-server.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { temporaryHome } from './in-process-cli.ts';
import { enrollMachine, newDirectory, SessionMachine } from './session-homes.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('./fast-session-clock.ts'));

const stack = useLocalStack();
const homes = Array.from({ length: 4 }, temporaryHome);
const newHome = () => homes.pop() ?? expect.fail('no home is left');

test('activity shows what the person allowed with its result, and tripwires, and nothing to a device without the right', async () => {
  const { admin, adminKey } = await newDirectory(stack, newHome());
  const [phone, tablet] = [new SessionMachine(newHome(), stack), new SessionMachine(newHome(), stack)];
  const { person, device } = await enrollMachine(admin, phone, { can: 'approve' });
  await enrollMachine(admin, tablet, { person, confirmer: phone });
  const laptop = new SessionMachine(newHome(), stack);
  const other = await enrollMachine(admin, laptop, { person, confirmer: phone, can: 'approve' });
  expect((await phone.run(['approvals', 'activity'])).stderr).toContain('Nothing was used');
  const broker = await admin.json(['directory', 'admit-broker', person]);
  await phone.json(['session', 'confirm', broker.device, '--fingerprint', broker.fingerprint, '--yes']);
  await phone.json(['approvals', 'list']);

  const host = await startHostileServer();
  const client = stack.clientOf(adminKey);
  await client.vault.set('prod/key', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc');
  await client.vault.setRules('prod/key', { hosts: [`http://127.0.0.1:${host.port}`], approver: person });
  await client.vault.set('prod/old', 'AKIAIOSFODNN7EXAMPLE', { tripwire: true });
  await client.vault.get('prod/old');
  const { id, key } = await client.keys.create({ role: 'user-of-secrets' });
  const used = stack.clientOf(key).vault.fetch(`http://127.0.0.1:${host.port}/ok`, {
    ...{ headers: { authorization: 'Bearer {{anima://prod/key}}' }, agent: 'bookkeeper' },
  });
  await expect.poll(async () => await phone.json(['approvals', 'list'])).toHaveLength(1);
  const [question] = await phone.json(['approvals', 'list']);
  await phone.json(['approvals', 'yes', question.id, '--yes']);
  await used;
  await host.close();

  const entries = await phone.json(['approvals', 'activity']);
  expect(entries).toMatchObject([
    { kind: 'use', keyId: id, agent: 'bookkeeper', device, result: 'ok', upstream: '2xx' },
    { kind: 'tripwire', names: ['prod/old'], sourceIp: '127.0.0.1' },
  ]);
  const { stdout } = await phone.run(['approvals', 'activity', '--from', '1h']);
  expect(stdout).toMatch(
    new RegExp(
      `GET 127.0.0.1:${host.port} +prod/key version 2 +key ${id} \\(bookkeeper\\) +device ${device.slice(0, 8)} +ok, 2xx\n`,
    ),
  );
  // The other device of the person did not answer, and names the one that did.
  const ofLaptop = await laptop.run(['approvals', 'activity', '--from', '1h']);
  expect(ofLaptop.stdout).toBe(stdout);
  expect(ofLaptop.stdout).toContain(`device ${device.slice(0, 8)} `);
  expect(ofLaptop.stdout).not.toContain(other.device.slice(0, 8));
  expect(await laptop.json(['approvals', 'activity'])).toEqual(entries);
  expect(stdout).toMatch(/tripwire was read +prod\/old +[0-9a-z]{16} from 127\.0\.0\.1 +ok\n/);
  const limited = await phone.run(['approvals', 'activity', '--limit', '1']);
  expect([limited.stdout.split('\n').length, limited.stderr]).toEqual([3, expect.stringContaining('older entries')]);
  for (const more of [
    ['--limit', '0'],
    ['--from', 'yesterday'],
  ])
    expect(await phone.run(['approvals', 'activity', ...more])).toMatchObject({ code: 2, stdout: '' });
  expect(await tablet.run(['approvals', 'activity'])).toMatchObject({
    ...{ code: expect.any(Number), stdout: '', stderr: expect.stringContaining('right to answer questions') },
  });
});
