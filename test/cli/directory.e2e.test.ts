/** `anima directory`, `anima invite`, `anima session` and `anima agent enroll`, with a local vault. */
import { readFileSync, statSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { temporaryHome } from './in-process-cli.ts';
import { enrollMachine, newDirectory, SessionMachine } from './session-homes.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('./fast-session-clock.ts'));

const stack = useLocalStack();
const homes = Array.from({ length: 40 }, temporaryHome);
const newHome = () => homes.pop() ?? expect.fail('no home is left');
const newMachine = () => new SessionMachine(newHome(), stack);
const newWorld = () => newDirectory(stack, newHome());

test('a directory begins with an authority key of this machine, and a recovery key in a file', async () => {
  const { admin, created, recoveryFile } = await newWorld();
  expect(readFileSync(recoveryFile, 'utf8')).toMatch(/^ANIMA-RECOVERY-(?:[0-9A-Z]{4}-){13}[0-9A-Z]{4}\n$/);
  expect(statSync(recoveryFile).mode & 0o777).toBe(0o600);
  expect(created).toMatchObject({ head: { seq: 1 }, pin: expect.stringMatching(/^[\w-]{43}$/) });
  const status = await admin.json(['directory', 'status']);
  expect(status).toMatchObject({ authorities: [created.authority], ownAuthority: created.authority, devices: [] });
  expect(await admin.run(['directory', 'create', '--recovery-file', `${recoveryFile}.2`])).toMatchObject({ code: 5 });
});

test('persons, further devices and agents enroll, are admitted, and are confirmed', async () => {
  const { admin } = await newWorld();
  const [phone, laptop, robot] = [newMachine(), newMachine(), newMachine()];
  const first = await enrollMachine(admin, phone);
  const { person } = first;
  const second = await enrollMachine(admin, laptop, { person, confirmer: phone });
  const agent = await enrollMachine(admin, robot, { person, role: 'agent', confirmer: laptop });
  const { devices } = await admin.json(['directory', 'status']);
  expect(devices.map(({ device, status }: { device: string; status: string }) => [device, status]).sort()).toEqual(
    [first.device, second.device, agent.device].sort().map((device) => [device, 'active']),
  );
  expect(await robot.json(['session', 'status'])).toMatchObject({ role: 'agent', status: 'active', person });
});
