/** `anima directory`, `anima invite`, `anima session` and `anima agent enroll`, with a local vault. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { temporaryHome } from './in-process-cli.ts';
import { enrollMachine, newDirectory, SessionMachine, shownFingerprint } from './session-homes.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('./fast-session-clock.ts'));

const stack = useLocalStack();
const homes = Array.from({ length: 64 }, temporaryHome);
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

test('doctor says where the keys of a device and of an admin are, and asks no key of a machine that needs none', async () => {
  const { admin, org } = await newWorld();
  const phone = newMachine();
  expect(await phone.run(['doctor'])).toMatchObject({ code: 1, stdout: expect.stringMatching(/^fail {2}profile /m) });
  await enrollMachine(admin, phone);
  const { code, stdout } = await phone.run(['doctor'], { env: { ANIMA_URL: '' } });
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^warn {2}profile .*\n(?:.*\n)*ok {4}address .*answers in/m),
  ]);
  expect(stdout).toMatch(
    new RegExp(`^ok    sessions +device of ${org} at ${stack.vault.url}: keys .*in files in`, 'm'),
  );
  expect((await admin.run(['doctor'])).stdout).toMatch(
    new RegExp(`^ok    sessions +admin of the directory of ${org}: keys .*in files in`, 'm'),
  );
  rmSync(join(phone.home.folder, 'anima/sessions/default', `${org}.json`));
  expect((await phone.run(['doctor'])).stdout).toMatch(/^warn {2}sessions .*no address of a vault is stored/m);
});

test('an invite can be a link to the owner’s page, with the invite behind the #', async () => {
  const { admin } = await newWorld();
  const page = 'https://open.example.com';
  const { invite, link } = await admin.json(['invite', 'create', '--page', `${page}/b/x?y`]);
  expect(link).toBe(`${page}/owner/#${invite}`);
  const local = await admin.run(['invite', 'create', '--page', 'http://127.0.0.1:8790']);
  expect(local.stdout).toMatch(/^http:\/\/127\.0\.0\.1:8790\/owner\/#anmi_\S+\n$/);
  const before = (await admin.json(['invite', 'list'])).length;
  for (const more of [['http://open.example.com'], ['page'], [page, '--role', 'agent', 'annannannannanna']])
    expect(await admin.run(['invite', 'create', '--page', ...more])).toMatchObject({ code: 2 });
  expect(await admin.json(['invite', 'list'])).toHaveLength(before);
});

describe('admitting a device', () => {
  /** A device that waits for an admin. */
  async function waiting() {
    const world = await newWorld();
    const machine = newMachine();
    const invite = await world.admin.json(['invite', 'create']);
    const running = machine.start(['session', 'enroll', '--json'], { ANIMA_INVITE: invite.invite });
    const fingerprint = await shownFingerprint(running);
    await expect.poll(async () => (await world.admin.json(['directory', 'pending'])).admit).toHaveLength(1);
    return { ...world, invite, running, fingerprint };
  }

  const countDevices = async (admin: SessionMachine) => (await admin.json(['directory', 'status'])).devices.length;

  test('A2: is never done without a comparison of the fingerprint', async () => {
    const { admin, running, fingerprint } = await waiting();
    const other = 'AAAA-BBBB-CCCC-DDDD';
    for (const [args, code, text] of [
      [[], 2, 'there is no terminal'],
      [['--yes'], 2, 'only together with --fingerprint'],
      [['--fingerprint', fingerprint], 2, 'there is no terminal'],
      [['--fingerprint', 'yes', '--yes'], 2, 'XXXX-XXXX'],
      [['--fingerprint', other, '--yes'], 1, 'another fingerprint'],
    ] as const) {
      const result = await admin.run(['directory', 'admit', ...args]);
      expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(text)]);
    }
    for (const typed of ['no', '', other]) {
      const answer = (shown: string) => (shown.includes('Type yes if the device') ? `${typed}\n` : undefined);
      expect(await admin.run(['directory', 'admit'], { typed: [answer] })).toMatchObject({ code: 1 });
    }
    expect(await countDevices(admin)).toBe(0);
    const typed = (shown: string) => {
      if (!shown.includes('Type yes if the device')) return undefined;
      expect(shown).toContain(`    ${fingerprint}\n`);
      return `${fingerprint.toLowerCase()}\n`;
    };
    expect(await admin.run(['directory', 'admit'], { typed: [typed] })).toMatchObject({ code: 0 });
    expect(await running.ended).toBe(0);
    expect(await countDevices(admin)).toBe(1);
  });

  test('is possible only on the machine that made the invite', async () => {
    const { admin, adminKey, created, running, fingerprint, invite } = await waiting();
    const second = new SessionMachine(newHome(), stack, adminKey);
    expect(await second.run(['directory', 'pending'])).toMatchObject({ stderr: expect.stringContaining('No pin') });
    expect(await second.run(['invite', 'list'])).toMatchObject({ code: 3 });
    await second.json(['directory', 'key', '--pin', created.pin]);
    const args = ['directory', 'admit', invite.id, '--fingerprint', fingerprint, '--yes'];
    expect(await second.run(args)).toMatchObject({ code: 3, stderr: expect.stringContaining('another machine') });
    expect(await admin.run(args)).toMatchObject({ code: 0 });
    expect(await running.ended).toBe(0);
  });

  test('can limit rights and time', async () => {
    const { admin, running, fingerprint } = await waiting();
    const more = ['--can', 'deploy', '--can', 'chat', '--expires-in', '1h'];
    const admitted = await admin.json(['directory', 'admit', '--fingerprint', fingerprint, '--yes', ...more]);
    expect(admitted).toMatchObject({ can: ['chat', 'deploy'], status: 'active' });
    expect(await running.ended).toBe(0);
  });
});

describe('an invite', () => {
  test('A1: is shown once, listed without its secret, and withdrawn', async () => {
    const { admin } = await newWorld();
    const { code, stdout, stderr } = await admin.run(['invite', 'create']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^anmi_[0-9a-z]{16}_[0-9a-z]{16}_\w{49}\.[\w-]{43}\n$/);
    expect(stderr).toContain('The invite is a secret');
    expect(stderr).toMatch(/ANIMA_INVITE=… anima session enroll --url http/);
    const listed = await admin.run(['invite', 'list']);
    const [invite] = await admin.json(['invite', 'list']);
    expect(invite).toMatchObject({ state: 'open', role: 'owner' });
    expect(listed.stdout).not.toContain(stdout.split('_')[3]?.slice(0, 20));
    expect(await admin.json(['invite', 'withdraw', invite.id])).toEqual({ id: invite.id, withdrawn: true });
    expect(await admin.json(['invite', 'list'])).toEqual([]);
    const refused = await newMachine().run(['session', 'enroll'], { env: { ANIMA_INVITE: stdout.trim() } });
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('anima invite create') });
    // A person may paste the invite itself.
    const pasted = await admin.run(['invite', 'withdraw', stdout.trim()]);
    expect([pasted.code, pasted.stderr.includes('anmi_')]).toEqual([2, false]);
  });

  test('of an agent names its person', async () => {
    const { admin } = await newWorld();
    expect(await admin.run(['invite', 'create', '--role', 'agent'])).toMatchObject({ code: 2 });
    expect(await admin.run(['invite', 'create', 'ann'])).toMatchObject({ code: 2 });
    expect(await admin.run(['invite', 'create', '--role', 'king'])).toMatchObject({ code: 2 });
  });

  test('can be read from a file or standard input, and nothing is sent if it was mistyped', async () => {
    const { admin } = await newWorld();
    const invite = await admin.json(['invite', 'create']);
    const machine = newMachine();
    const path = `${machine.home.folder}/invite.txt`;
    writeFileSync(path, `${invite.invite}\n`);
    const fromFile = machine.start(['session', 'enroll', '--invite-file', path]);
    const fingerprint = await shownFingerprint(fromFile);
    expect(await admin.run(['directory', 'admit', '--fingerprint', fingerprint, '--yes'])).toMatchObject({ code: 0 });
    expect(await fromFile.ended).toBe(0);
    // The same invite again opens the device.
    expect(await machine.run(['session', 'enroll'], { input: invite.invite })).toMatchObject({ code: 0 });
    const mistyped = await newMachine().run(['agent', 'enroll'], { input: invite.invite.replace('anmi_', 'anmi-') });
    expect(mistyped).toMatchObject({ code: 2, stderr: expect.stringContaining('begins with anmi_') });
  });

  test('C2: and the keys of the machine are not in clear in its files', async () => {
    const { admin, recoveryFile } = await newWorld();
    const { invite } = await admin.json(['invite', 'create']);
    const secret = invite.split('_')[3].slice(0, 43);
    const recovery = readFileSync(recoveryFile, 'utf8').trim();
    const files = readdirSync(admin.home.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'recovery.txt')
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    expect(files.length).toBeGreaterThan(1);
    for (const bytes of files) {
      expect(bytes.includes(secret)).toBe(false);
      expect(bytes.includes(recovery)).toBe(false);
    }
  });
});

describe('a device', () => {
  test('is suspended, resumed and revoked by an admin, and an agent suspended by its person', async () => {
    const { admin } = await newWorld();
    const [phone, robot] = [newMachine(), newMachine()];
    const { person, device } = await enrollMachine(admin, phone);
    const agent = await enrollMachine(admin, robot, { person, role: 'agent', confirmer: phone });
    const stateOf = async (id: string) =>
      (await admin.json(['directory', 'status'])).devices.find((one: { device: string }) => one.device === id).status;
    expect(await phone.json(['session', 'suspend', agent.device.slice(0, 6)])).toMatchObject({ status: 'suspended' });
    expect(await stateOf(agent.device)).toBe('suspended');
    expect(await robot.run(['session', 'list'])).toMatchObject({ stderr: expect.stringContaining('may be outdated') });
    await admin.json(['directory', 'resume', agent.device.slice(0, 6)]);
    expect(await stateOf(agent.device)).toBe('active');
    await admin.json(['directory', 'suspend', device]);
    expect(await stateOf(device)).toBe('suspended');
    expect(await admin.run(['directory', 'suspend', device])).toMatchObject({ code: 5 });
    expect(await admin.run(['directory', 'revoke', agent.device])).toMatchObject({ code: 2 });
    expect(await stateOf(agent.device)).toBe('active');
    await admin.json(['directory', 'revoke', agent.device, '--yes']);
    expect(await stateOf(agent.device)).toBe('revoked');
    const { stdout, stderr } = await admin.run(['directory', 'status']);
    expect([stdout.includes(agent.device), stderr.includes('--all')]).toEqual([false, true]);
    expect((await admin.run(['directory', 'status', '--all'])).stdout).toContain(agent.device);
    expect(await admin.run(['directory', 'suspend', 'ffff'])).toMatchObject({ code: 3 });
  });

  test('is confirmed only with its fingerprint', async () => {
    const { admin } = await newWorld();
    const [phone, robot] = [newMachine(), newMachine()];
    const { person } = await enrollMachine(admin, phone);
    const invite = await admin.json(['invite', 'create', person, '--role', 'agent']);
    const running = robot.start(['agent', 'enroll', '--json'], { ANIMA_INVITE: invite.invite });
    const shown = await shownFingerprint(running);
    const { device, status } = await admin.json(['directory', 'admit', '--fingerprint', shown, '--yes']);
    expect(status).toBe('pending');
    const { confirm } = await admin.json(['directory', 'pending']);
    expect(confirm).toEqual([{ kind: 'agent', id: device, persons: [person], fingerprint: shown }]);
    const attempt = async (...args: string[]) => await phone.run(['session', 'confirm', device.slice(0, 8), ...args]);
    expect(await attempt()).toMatchObject({ code: 2 });
    expect(await attempt('--yes')).toMatchObject({ code: 2 });
    expect(await attempt('--yes', '--fingerprint', 'AAAA-BBBB-CCCC-DDDD')).toMatchObject({ code: 1 });
    expect((await admin.json(['directory', 'pending'])).confirm).toHaveLength(1);
    expect(await attempt('--yes', '--fingerprint', shown)).toMatchObject({ code: 0 });
    expect(await running.ended).toBe(0);
  });

  test('is forgotten on its machine only', async () => {
    const { admin, org } = await newWorld();
    const phone = newMachine();
    const { device } = await enrollMachine(admin, phone);
    expect(await phone.run(['session', 'forget'])).toMatchObject({ code: 2 });
    expect(await phone.json(['session', 'forget', '--yes'])).toEqual({ org, forgotten: true });
    expect(await phone.run(['session', 'status'])).toMatchObject({ code: 3 });
    expect((await admin.json(['directory', 'status'])).devices).toMatchObject([{ device, status: 'active' }]);
  });
});

test('two agents are linked after a device of each person has confirmed it, and unlinked', async () => {
  const { admin } = await newWorld();
  const [phone, robot, other] = [newMachine(), newMachine(), newMachine()];
  const { person } = await enrollMachine(admin, phone);
  const ids: string[] = [];
  for (const machine of [robot, other])
    ids.push((await enrollMachine(admin, machine, { person, role: 'agent', confirmer: phone })).device);
  const { link } = await admin.json(['directory', 'link', ...ids]);
  expect((await admin.json(['directory', 'pending'])).confirm).toMatchObject([{ kind: 'link', id: link }]);
  expect(await phone.run(['session', 'confirm', link])).toMatchObject({ code: 2 });
  await phone.json(['session', 'confirm', link, '--yes']);
  expect((await admin.json(['directory', 'status'])).links).toMatchObject([{ link, waiting: [] }]);
  await admin.json(['directory', 'unlink', ...ids]);
  expect((await admin.json(['directory', 'status'])).links).toEqual([]);
});

test('a fleet key certifies members, which are suspended with their certificate', async () => {
  const { admin, org, created } = await newWorld();
  const phone = newMachine();
  const { person } = await enrollMachine(admin, phone);
  const keyFile = `${admin.home.folder}/fleet.key`;
  const made = await admin.json(['directory', 'delegate', person, '--key-file', keyFile, '--expires-in', '30d']);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  await phone.json(['session', 'confirm', made.fleet, '--yes']);
  const member = newMachine();
  // The command of the member runs where the fleet key is.
  const cli = `${process.execPath} ${fileURLToPath(new URL('../../cli/main.ts', import.meta.url))}`;
  const kept = `${admin.home.folder}/certificate.txt`;
  const certify = `${cli} directory certify --org ${org} --key-file ${keyFile} | tee ${kept}`;
  const env = { PATH: process.env.PATH };
  const { pin } = await admin.json(['directory', 'status']);
  const joined = await member.json(['agent', 'join', '--org', org, '--pin', pin, '--certify', certify], { env });
  expect(pin).not.toBe(created.pin);
  expect(await member.run(['agent', 'join', '--org', org, '--pin', pin, '--certify', 'false'])).toMatchObject({
    code: 0,
  });
  await admin.json(['directory', 'suspend', joined.device, '--certificate', kept]);
  expect((await admin.json(['directory', 'status'])).members).toEqual([
    { member: joined.device, fleet: made.fleet, status: 'suspended' },
  ]);
  const refused = await newMachine().run(['agent', 'join', '--org', org, '--pin', pin, '--certify', 'echo no'], {
    env,
  });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('printed no certificate') });
});

describe('the keys of the directory', () => {
  test('are replaced with the recovery key by a machine that has none', async () => {
    const { admin, adminKey, created, recoveryFile } = await newWorld();
    const second = new SessionMachine(newHome(), stack, adminKey);
    const next = `${second.home.folder}/next.txt`;
    const args = ['directory', 'rotate', '--recovery-file', recoveryFile, '--remove', created.authority];
    const rotated = await second.json([...args, '--new-recovery-file', next, '--pin', created.pin]);
    expect(rotated.authorities).not.toContain(created.authority);
    expect(await second.json(['directory', 'status'])).toMatchObject({ ownAuthority: rotated.authorities[0] });
    // The old machine has no say any more, and neither has the old recovery key.
    expect(await admin.run(['directory', 'checkpoint'])).toMatchObject({ code: 5 });
    expect(await second.run(['directory', 'rotate', '--recovery-file', recoveryFile])).toMatchObject({ code: 5 });
    expect(await second.run(['directory', 'rotate', '--recovery-file', next, '--new-authority'])).toMatchObject({
      code: 0,
    });
    expect((await second.json(['directory', 'checkpoint'])).head.seq).toBe(4);
  });

  test('are replaced by two authorities', async () => {
    const { admin, adminKey, created, recoveryFile } = await newWorld();
    const second = new SessionMachine(newHome(), stack, adminKey);
    const key = await second.json(['directory', 'key', '--pin', created.pin]);
    await admin.json(['directory', 'rotate', '--recovery-file', recoveryFile, '--add', key.authority]);
    const exported = `${second.home.folder}/authority.txt`;
    await second.json(['directory', 'export-authority', exported]);
    const next = `${second.home.folder}/next.txt`;
    const rotated = await admin.json(['directory', 'rotate', '--cosigner', exported, '--new-recovery-file', next]);
    expect(rotated.authorities.toSorted()).toEqual([created.authority, key.authority].toSorted());
    expect(await second.run(['directory', 'checkpoint'])).toMatchObject({ code: 0 });
  });

  test('of another kind are refused', async () => {
    const { admin, recoveryFile } = await newWorld();
    const next = `${admin.home.folder}/next.txt`;
    const args = ['directory', 'rotate', '--cosigner', recoveryFile, '--new-recovery-file', next];
    expect(await admin.run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining('not the authority key') });
    expect(existsSync(next)).toBe(false);
  });

  test('are shown once in a terminal, before the directory begins', async () => {
    const { adminKey } = await stack.newOrg();
    const admin = new SessionMachine(newHome(), stack, adminKey);
    expect(await admin.run(['directory', 'create'])).toMatchObject({ code: 2 });
    const answer = (text: string) => (shown: string) => (shown.includes('Type kept') ? `${text}\n` : undefined);
    expect(await admin.run(['directory', 'create'], { typed: [answer('no')] })).toMatchObject({ code: 1 });
    expect((await admin.json(['directory', 'status'])).head.seq).toBe(0);
    const { code, stderr } = await admin.run(['directory', 'create'], { typed: [answer('kept')] });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^ {4}ANIMA-RECOVERY-[0-9A-Z-]+$/m);
    expect((await admin.json(['directory', 'status'])).head.seq).toBe(1);
  });

  test('need an API key of the organization', async () => {
    const user = await stack.clientOf(stack.vault.adminKey).users.create();
    const machine = new SessionMachine(newHome(), stack, user.key);
    expect(await machine.run(['directory', 'status'])).toMatchObject({ code: 4 });
    expect(await newMachine().run(['directory', 'status'])).toMatchObject({ code: 4 });
  });
});

test('A3: what admins do is in the audit, with the names of what they changed', async () => {
  const { admin, adminKey } = await newWorld();
  const { device } = await enrollMachine(admin, newMachine());
  await admin.json(['directory', 'suspend', device]);
  await admin.json(['directory', 'revoke', device, '--yes']);
  const { person } = await admin.json(['directory', 'status']).then(({ devices }) => devices[0]);
  const invite = await admin.json(['invite', 'create', person, '--role', 'agent']);
  await admin.json(['invite', 'withdraw', invite.id]);
  await admin.json(['directory', 'checkpoint']);
  const found: string[] = [];
  for await (const { route, name, result, principal } of stack.clientOf(adminKey).audit.query({}))
    if (principal === adminKey.split('_')[2] && !route.startsWith('read') && !route.startsWith('list'))
      found.push(`${route} ${name} ${result}`);
  expect(found.filter((one) => one.startsWith('appendDirectory'))).toEqual([
    'appendDirectory genesis ok',
    `appendDirectory admit/${device} ok`,
    `appendDirectory suspend/${device} ok`,
    `appendDirectory revoke/${device} ok`,
    'appendDirectory checkpoint ok',
  ]);
  expect(found).toEqual(expect.arrayContaining([`createInvite ${invite.id} ok`, `deleteInvite ${invite.id} ok`]));
});

test('what a person signs into the directory is in the audit too', async () => {
  const { admin, adminKey } = await newWorld();
  const [phone, robot] = [newMachine(), newMachine()];
  const { device, person } = await enrollMachine(admin, phone);
  const agent = await enrollMachine(admin, robot, { person, role: 'agent', confirmer: phone });
  await phone.json(['session', 'suspend', agent.device]);
  const found: string[] = [];
  for await (const { route, name, principal } of stack.clientOf(adminKey).audit.query({ verb: 'sessions.write' }))
    if (route === 'appendSessionEntry') found.push(`${principal} ${name}`);
  expect(found).toEqual([`session:${device} countersign/${agent.device}`, `session:${device} suspend/${agent.device}`]);
});
