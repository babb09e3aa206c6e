/** `anima device` and `anima records` on several machines of a user, with a local vault. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { startProcess } from './command-runner.ts';
import { createUserKey, Machine, pair, pairByQr, shownCode, showQr, untilPending, whenAsked } from './device-homes.ts';
import { runAnima, temporaryHome } from './in-process-cli.ts';

const stack = useLocalStack();
const homes = Array.from({ length: 64 }, temporaryHome);
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const away = { ANIMA_URL: 'http://127.0.0.1:9' };

/** A machine with an empty home. */
function newMachine(key: string): Machine {
  return new Machine(homes.pop() ?? expect.fail('no home is left'), stack, key);
}

/** A new user with a vault on a first machine. */
async function newVault(): Promise<{ readonly key: string; readonly first: Machine; readonly vault: string }> {
  const key = await createUserKey(stack);
  const first = newMachine(key);
  const { vault } = await first.json(['device', 'create', '--label', 'first']);
  return { key, first, vault };
}

/** As `newVault`, with a second machine. */
async function newPair(role: 'admin' | 'data' = 'admin') {
  const one = await newVault();
  const second = newMachine(one.key);
  await pairByQr(one.first, second, one.vault, role);
  return { ...one, second };
}

const put = async (machine: Machine, type: string, id: string, data: object) =>
  await machine.json(['records', 'put', type, id], { input: JSON.stringify(data) });

describe('anima device prune', () => {
  test('asks a person, prunes a vault with one device, and waits for another device otherwise', async () => {
    const { key, first, vault } = await newVault();
    // By code: a pairing by QR code stays open for ten minutes, and nothing is pruned meanwhile.
    const second = newMachine(key);
    await pair(first, second, vault);
    for (const n of [1, 2, 3]) await put(first, 'memory', 'a', { n });
    expect(await first.run(['device', 'prune'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const waiting = await first.run(['device', 'prune', '--yes']);
    expect(waiting).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Nothing was deleted yet. Sync another'),
    });
    await second.run(['device', 'sync']);
    const pruned = await first.json(['device', 'prune', '--yes']);
    expect(pruned).toEqual({ vault, checkpoint: expect.any(Number), waiting: false });
    await put(second, 'memory', 'a', { n: 4 });
    const alone = await newVault();
    for (const n of [1, 2]) await put(alone.first, 'memory', 'a', { n });
    const yes = (shown: string) => (shown.includes('Type yes to continue') ? 'yes\n' : undefined);
    expect(await alone.first.run(['device', 'prune'], { typed: [yes] })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('was pruned up to entry'),
    });
    const third = newMachine(alone.key);
    await pairByQr(alone.first, third, alone.vault);
    const { stdout } = await third.run(['records', 'history', 'memory', 'a']);
    expect(stdout).toContain('(pruned)');
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });
});

describe('a new vault', () => {
  let one: Awaited<ReturnType<typeof newVault>>;
  beforeAll(async () => {
    one = await newVault();
  });

  test('has this device as its only one, and says where the keys are and what to do next', async () => {
    const machine = newMachine(one.key);
    const { code, stdout, stderr } = await machine.run(['device', 'create']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^vault {3}[0-9a-z]{16}$/m);
    expect(stdout).toContain(machine.home.folder);
    expect(stdout).toContain('without a key store of the operating system');
    expect(stderr).toContain('anima device recovery-code --file');
    const [folder = ''] = machine.vaultFolders();
    for (const name of ['device-keys', 'storage-key', 'data']) expect(modeOf(join(folder, name))).toBe('600');
    expect(modeOf(folder)).toBe('700');
    const doctor = await machine.run(['doctor']);
    expect(doctor).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok {4}devices .*in files in/m) });
    expect(doctor.stdout).toMatch(/^ok {4}key .*user/m);
  });

  test('is listed on other machines of the user, which are told that they are no member', async () => {
    const other = newMachine(one.key);
    const { stdout } = await other.run(['device', 'list']);
    expect(stdout).toContain(`vault ${one.vault}: active, 1 device, without a recovery code, this device is no member`);
    expect(await other.run(['device', 'sync', '--vault', one.vault])).toMatchObject({ code: 3 });
    expect((await one.first.json(['device', 'list']))[0]).toMatchObject({
      vault: one.vault,
      isHere: true,
      members: [{ label: 'first', role: 'admin', isThis: true, isSilent: false }],
    });
  });

  test('needs the key of a user', async () => {
    const machine = new Machine(one.first.home, stack, stack.vault.adminKey);
    const { code, stderr } = await machine.run(['device', 'create']);
    expect(code).toBe(4);
    expect(stderr).toContain('anima users create');
  });

  test('needs no id while it is the only one on a machine, and --vault otherwise', async () => {
    const machine = newMachine(await createUserKey(stack));
    expect(await machine.run(['device', 'head'])).toMatchObject({ code: 3 });
    const [a, b] = [await machine.json(['device', 'create']), await machine.json(['device', 'create'])];
    const { code, stderr } = await machine.run(['device', 'head']);
    expect([code, stderr.includes(a.vault), stderr.includes(b.vault)]).toEqual([2, true, true]);
    expect(await machine.json(['device', 'head', '--vault', b.vault])).toMatchObject({ vault: b.vault, seq: 1 });
    expect(await machine.run(['device', 'head', '--vault', '../../x'])).toMatchObject({ code: 2 });
  });

  test('is found again by the profile that has it', async () => {
    const { home, env } = one.first;
    await runAnima(['login', '--profile', 'me', '--url', stack.vault.url], { env: home.env, input: env.ANIMA_KEY });
    const { code, stderr } = await runAnima(['device', 'head', '--vault', one.vault, '--profile', 'me'], {
      env: home.env,
    });
    expect(code).toBe(3);
    expect(stderr).toContain('The profile environment has it');
    const whoami = await runAnima(['whoami', '--json', '--profile', 'me'], { env: home.env });
    expect(JSON.parse(whoami.stdout)).toMatchObject({ user: env.ANIMA_KEY?.split('_')[2]?.slice(1) });
    const logout = async () => await runAnima(['logout', '--profile', 'me'], { env: home.env });
    expect((await logout()).stderr).toBe('');
    await runAnima(['login', '--profile', 'me', '--url', stack.vault.url], { env: home.env, input: env.ANIMA_KEY });
    await runAnima(['device', 'create', '--profile', 'me'], { env: home.env });
    expect((await logout()).stderr).toContain('anima device leave');
  });
});

describe('pairing by code', () => {
  test('shows one code on both machines, and both persons confirm', async () => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    const { joined, approved } = await pair(first, second, vault, { approve: ['--label', 'second'] });
    expect([joined.code, approved.code]).toEqual([0, 0]);
    const code = shownCode(joined.stderr);
    expect(code).toMatch(/^[0-9A-Z-]{19}$/);
    expect(shownCode(approved.stderr)).toBe(code);
    expect(joined.stdout).toMatch(/^role {4}admin$/m);
    const { stdout } = await first.run(['device', 'list']);
    expect(stdout).toMatch(/admin +first .*this device$/m);
    expect(stdout).toMatch(/admin +second +\d{4}-/m);
    // Both have verified the same log.
    await first.run(['device', 'sync']);
    await second.run(['device', 'sync']);
    expect(await second.json(['device', 'head'])).toEqual(await first.json(['device', 'head']));
    expect(await second.run(['device', 'join', vault], { typed: [] })).toMatchObject({ code: 5 });
  });

  test('takes the typed code in place of yes, whatever its case', async () => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    const typeCode = (shown: string) => {
      const code = shownCode(shown);
      return code === undefined || !shown.includes('Type yes')
        ? undefined
        : `${code.toLowerCase().replaceAll('-', ' ')}\n`;
    };
    const joining = second.run(['device', 'join'], { typed: [typeCode] });
    await untilPending(first, vault);
    const approving = first.run(['device', 'approve'], { typed: [typeCode] });
    expect((await Promise.all([joining, approving])).map(({ code }) => code)).toEqual([0, 0]);
  });

  test.each([
    ['no', 'yes'],
    ['', 'yes'],
    ['yess', 'yes'],
    ['ABCD-EFGH-JKMN-PQRS', 'yes'],
  ])('adds nobody if the person at the new device answers "%s"', async (...answers) => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    const joining = second.run(['device', 'join', vault], { typed: [whenAsked(answers[0])] });
    await untilPending(first, vault);
    // The other person sees the same question, and is not fast.
    const approving = first.run(['device', 'approve'], { typed: [whenAsked('no')] });
    const [joined, approved] = await Promise.all([joining, approving]);
    expect([joined.code, approved.code]).toEqual([1, 1]);
    expect(joined.stderr).toMatch(answers[0].length === 19 ? /somebody may be between/ : /did not confirm/);
    expect(second.vaultFolders()).toEqual([]);
    expect((await first.json(['device', 'list']))[0].members).toHaveLength(1);
    // The pairing does not stand there for ten minutes.
    expect(await first.json(['device', 'approve', '--list'])).toEqual([]);
  });

  test('keeps nothing on the new device if the person at the admin device refuses', async () => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    const joining = second.run(['device', 'join', vault], { typed: [whenAsked('yes')] });
    await untilPending(first, vault);
    const approved = await first.run(['device', 'approve'], { typed: [whenAsked('WXYZ-EFGH-JKMN-PQRS')] });
    expect(approved).toMatchObject({ code: 1, stderr: expect.stringContaining('somebody may be between') });
    // As Ctrl-C does.
    process.emit('SIGINT');
    expect(await joining).toMatchObject({ code: 6, stderr: expect.stringContaining('Confirmed here') });
    expect(second.vaultFolders()).toEqual([]);
    expect((await first.json(['device', 'list']))[0].members).toHaveLength(1);
  });

  test('refuses without a terminal, sends nothing then, and has no option for it', async () => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    for (const [machine, args] of [
      [second, ['join', vault]],
      [first, ['approve']],
    ] as const) {
      const { code, stderr } = await machine.run(['device', ...args], { input: 'yes\n' });
      expect([code, stderr]).toEqual([2, expect.stringContaining('no terminal')]);
      expect(await machine.run(['device', ...args, '--yes'], { input: 'yes\n' })).toMatchObject({ code: 2 });
    }
    expect(await first.json(['device', 'approve', '--list'])).toEqual([]);
    expect(second.vaultFolders()).toEqual([]);
  });

  test('names the waiting devices if there are several, and ends one that nobody knows', async () => {
    const { key, first, vault } = await newVault();
    const joining = [newMachine(key), newMachine(key)].map((one) =>
      one.run(['device', 'join', vault], { typed: [whenAsked('yes')] }),
    );
    await expect.poll(() => first.json(['device', 'approve', '--list'])).toHaveLength(2);
    const { code, stderr } = await first.run(['device', 'approve'], { typed: [] });
    expect([code, stderr]).toEqual([2, expect.stringContaining('Several devices wait')]);
    for (const { pairing } of await first.json(['device', 'approve', '--list'])) {
      expect(stderr).toContain(pairing);
      expect(await first.run(['device', 'approve', pairing, '--refuse'])).toMatchObject({ code: 0 });
    }
    expect((await Promise.all(joining)).map((one) => one.code)).toEqual([3, 3]);
    expect(await first.run(['device', 'approve'], { typed: [] })).toMatchObject({ code: 3 });
  });
});

describe('pairing by QR code', () => {
  test('shows a code and its text, which the admin device reads from a pipe; no code is compared', async () => {
    const { key, first, vault } = await newVault();
    const agent = newMachine(key);
    const { text, ended } = await showQr(agent, ['device', 'join', '--qr']);
    const approved = await first.json(['device', 'approve', '--role', 'data', '--label', 'agent', '--qr'], {
      input: text.toLowerCase(),
    });
    expect(approved).toMatchObject({ vault, role: 'data', label: 'agent' });
    const joined = await ended;
    expect(joined).toMatchObject({ code: 0, stdout: expect.stringMatching(/^role {4}data$/m) });
    // Finder patterns of the code, drawn with half blocks, in white on black; 57 modules wide at most.
    const drawn = stripVTControlCharacters(joined.stdout);
    expect(joined.stdout).toContain('\u001b[97m\u001b[40m██');
    expect(drawn).toMatch(/█ ▄▄▄▄▄ █.*█ ▄▄▄▄▄ █/);
    for (const row of drawn.split('\n').filter((one) => one.includes('█'))) expect([...row].length).toBeLessThan(58);
    // A device of the role data adds and removes nobody.
    for (const args of [
      ['remove', 'first', '--yes'],
      ['rotate'],
      ['recovery-code', '--file', `${agent.home.folder}/x`],
    ])
      expect(await agent.run(['device', ...args])).toMatchObject({ code: 4 });
  });

  test('works the other way round', async () => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    const { text, ended } = await showQr(first, ['device', 'approve', '--qr', 'show', '--label', 'second']);
    const joined = await second.json(['device', 'join', vault, '--qr', 'read'], { typed: [text.replace('\n', '\r')] });
    expect(joined).toMatchObject({ vault, role: 'admin' });
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining(joined.device) });
  });

  test('refuses a text that is none, one of the same side, and one in the arguments', async () => {
    const { key, first, vault } = await newVault();
    const second = newMachine(key);
    const { text, ended } = await showQr(first, ['device', 'approve', '--qr', 'show']);
    for (const input of ['', 'hello', text.slice(0, -3), text.replace('-A1-', '-N1-')])
      expect(await second.run(['device', 'join', vault, '--qr', 'read'], { input })).toMatchObject({ code: 2 });
    const { code, stderr } = await second.run(['device', 'join', vault, '--qr', text.trim()]);
    expect([code, stderr.includes(text.slice(9, 30))]).toEqual([2, false]);
    expect(second.vaultFolders()).toEqual([]);
    process.emit('SIGINT');
    expect(await ended).toMatchObject({ code: 6 });
  });
});

describe('records', () => {
  let two: Awaited<ReturnType<typeof newPair>>;
  beforeAll(async () => {
    two = await newPair();
  });

  test('written on one machine are read on the other after a sync', async () => {
    const { first, second } = two;
    const file = join(first.home.folder, 'tea.json');
    writeFileSync(file, '{"likes": ["tea", "ginger"]}');
    expect(await first.json(['records', 'put', 'memory', 'tea', '--file', file])).toMatchObject({
      type: 'memory',
      id: 'tea',
      version: 1,
      state: 'synced',
    });
    const text = await first.json(['records', 'put', 'memory', '--text'], { input: 'Lives in Görlitz\n' });
    expect(text.id).toMatch(/^[\w-]{22}$/);
    expect(await second.run(['records', 'get', 'memory', 'tea'])).toMatchObject({ code: 3 });
    expect(await second.run(['device', 'sync'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Read 2 entries of other devices'),
    });
    const got = await second.run(['records', 'get', 'memory', 'tea']);
    expect(JSON.parse(got.stdout)).toEqual({ likes: ['tea', 'ginger'] });
    expect(await second.json(['records', 'get', 'memory', text.id])).toMatchObject({
      data: { text: 'Lives in Görlitz' },
      isImported: false,
    });
    const list = await second.run(['records', 'list', 'memory']);
    expect(list.stdout).toMatch(/^tea +1 +first +\{"likes"/m);
    expect(list.stdout).toMatch(/ +1 +first +Lives in Görlitz$/m);
    expect((await second.json(['records', 'search', 'memory', 'görlitz'])).map(({ id }: { id: string }) => id)).toEqual(
      [text.id],
    );
  });

  test('have a history, are deleted on all machines, and come back', async () => {
    const { first, second } = two;
    await put(first, 'todo', 'milk', { title: 'milk' });
    await put(first, 'todo', 'milk', { title: 'oat milk' });
    await second.run(['device', 'sync']);
    expect(await second.run(['records', 'delete', 'todo', 'milk'])).toMatchObject({ code: 0 });
    expect(await second.run(['records', 'delete', 'todo', 'milk'])).toMatchObject({ code: 3 });
    await first.run(['device', 'sync']);
    expect(await first.run(['records', 'get', 'todo', 'milk'])).toMatchObject({ code: 3 });
    const { stdout } = await first.run(['records', 'history', 'todo', 'milk']);
    expect(stdout.split('\n').map((line) => line.replace(/ +\S+ +\S+:\S+ +/, ' '))).toEqual([
      expect.stringMatching(/^3 .*\(deleted\)$/),
      expect.stringMatching(/^2 this device +\{"title":"oat milk"\}$/),
      expect.stringMatching(/^1 this device +\{"title":"milk"\}$/),
      '',
    ]);
    expect(await first.json(['records', 'restore', 'todo', 'milk', '1'])).toMatchObject({ version: 4 });
    expect(await first.run(['records', 'restore', 'todo', 'milk', '9'])).toMatchObject({ code: 3 });
    await second.run(['device', 'sync']);
    expect((await second.json(['records', 'get', 'todo', 'milk'])).data).toEqual({ title: 'milk' });
  });

  test('ask before a deletion in a terminal', async () => {
    const { first } = two;
    await put(first, 'memory', 'kept', { a: 1 });
    expect(await first.run(['records', 'delete', 'memory', 'kept'], { typed: ['no\n'] })).toMatchObject({ code: 1 });
    expect((await first.json(['records', 'get', 'memory', 'kept'])).data).toEqual({ a: 1 });
  });

  test('are refused with a reason that does not contain them', async () => {
    const { first } = two;
    const secret = 'sk-live-never-shown';
    for (const [args, input] of [
      [['put', 'memory'], `{"key": "${secret}"`],
      [['put', 'memory'], ''],
      [['put', 'notes'], `"${secret}"`],
      [['put', 'todo'], `"${secret}"`],
      [['put', 'memory', 'a b'], `"${secret}"`],
      [['put', 'memory', 'x', secret], '1'],
      [['resolve', 'memory', 'x', '--keep', secret], ''],
    ] as const) {
      const { code, stdout, stderr } = await first.run(['records', ...args], { input });
      expect([args, code, stdout]).toEqual([args, 2, '']);
      expect(stderr).not.toContain(secret);
    }
  });

  test('are queued without a connection, and sent by the next sync', async () => {
    const { first } = two;
    const { code, stdout, stderr } = await first.run(['records', 'put', 'memory', 'offline', '--text'], {
      input: 'later',
      env: away,
    });
    expect([code, stdout]).toEqual([0, 'Stored memory offline, version 1.\n']);
    expect(stderr).toContain('Only this device has it');
    expect((await first.run(['records', 'list', 'memory'])).stdout).toMatch(/^offline .*later +only here$/m);
    expect(await first.run(['device', 'sync'], { env: away })).toMatchObject({ code: 6 });
    const { stdout: devices, stderr: note } = await first.run(['device', 'list'], { env: away });
    expect([devices.includes('this device'), note.includes('not known')]).toEqual([true, true]);
    expect((await first.run(['device', 'sync'])).stdout).toContain('wrote 1 change of this one');
  });

  test('are printed by sync --watch when another machine writes them, while other commands go on', async () => {
    const { first, second } = two;
    const watching = startProcess(['device', 'sync', '--watch', '--every', '1s'], { env: second.env });
    await put(first, 'session', 'now', { turns: [] });
    await watching.until('session now: version 1');
    expect(await second.run(['records', 'get', 'session', 'now'])).toMatchObject({ code: 0 });
    watching.child.kill('SIGTERM');
    expect(await watching.ended).toMatchObject({ code: 0 });
  });

  test('that two machines change at once wait for a person, if they are of a provider', async () => {
    const { first, second } = two;
    await put(first, 'provider', 'openai', { key: 'sk-1' });
    await second.run(['device', 'sync']);
    await put(second, 'provider', 'openai', { key: 'sk-2' });
    const lost = await first.run(['records', 'put', 'provider', 'openai'], { input: '{"key":"sk-3"}' });
    expect(lost).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('anima records conflicts') });
    expect((await first.run(['records', 'list', 'provider'])).stdout).not.toContain('sk-');
    expect((await first.run(['device', 'sync'])).stdout).toContain('A person must decide 1 conflict');
    const shown = await first.run(['records', 'conflicts']);
    expect(shown.stdout).toContain('mine:   {"key":"sk-3"}\n  theirs: {"key":"sk-2"}');
    expect(await first.run(['records', 'put', 'provider', 'openai'], { input: '1' })).toMatchObject({ code: 5 });
    expect(await first.run(['records', 'resolve', 'provider', 'openai'], { typed: [] })).toMatchObject({ code: 2 });
    expect(await first.json(['records', 'resolve', 'provider', 'openai', '--keep', 'mine'])).toMatchObject({
      version: 3,
    });
    expect(await first.json(['records', 'conflicts'])).toEqual([]);
    await second.run(['device', 'sync']);
    expect((await second.json(['records', 'get', 'provider', 'openai'])).data).toEqual({ key: 'sk-3' });
    // The other way: theirs, and merged content.
    for (const [keep, theirs, key] of [
      [['--keep', 'theirs'], 'sk-4', 'sk-4'],
      [[], 'sk-5', 'sk-merged'],
    ] as const) {
      await put(second, 'provider', 'openai', { key: theirs });
      await first.run(['records', 'put', 'provider', 'openai'], { input: '{"key":"sk-first"}' });
      await first.run(['records', 'resolve', 'provider', 'openai', ...keep], { input: '{"key":"sk-merged"}' });
      expect((await first.json(['records', 'get', 'provider', 'openai'])).data).toEqual({ key });
      await second.run(['device', 'sync']);
    }
  });
});

describe('a removed device', () => {
  test('is told so, keeps what it has, and joins again after it deleted that', async () => {
    const { first, second, vault } = await newPair('data');
    await put(first, 'memory', 'before', { a: 1 });
    await second.run(['device', 'sync']);
    expect(await first.run(['device', 'remove', 'nobody', '--yes'])).toMatchObject({ code: 3 });
    expect(await first.run(['device', 'remove', 'first', '--yes'])).toMatchObject({ code: 2 });
    const { device } = await second.json(['device', 'head']).then(async () => {
      const [listed] = await second.json(['device', 'list']);
      return { device: listed.members.find(({ isThis }: { isThis: boolean }) => isThis).id };
    });
    expect(await first.run(['device', 'remove', device])).toMatchObject({ code: 2 });
    expect(await first.run(['device', 'remove', device], { typed: ['no\n'] })).toMatchObject({ code: 1 });
    expect(await first.run(['device', 'remove', device], { typed: ['yes\n'] })).toMatchObject({ code: 0 });
    await put(first, 'memory', 'after', { a: 2 });
    for (const args of [['sync'], ['leave', '--yes']]) {
      const { code, stderr } = await second.run(['device', ...args]);
      expect([code, stderr]).toEqual([4, expect.stringContaining('anima device leave --forget')]);
    }
    const late = await second.run(['records', 'put', 'memory', 'late', '--text'], { input: 'x' });
    expect(late).toMatchObject({ code: 4, stderr: expect.stringContaining('on this device only') });
    expect(await second.run(['records', 'get', 'memory', 'before'])).toMatchObject({ code: 0 });
    expect(await second.run(['records', 'get', 'memory', 'after'])).toMatchObject({ code: 3 });
    expect(await second.run(['device', 'join', '--qr'])).toMatchObject({ code: 5 });
    expect(await second.run(['device', 'leave', '--forget'])).toMatchObject({ code: 2 });
    expect(await second.run(['device', 'leave', '--forget', '--yes'])).toMatchObject({ code: 0 });
    expect(second.vaultFolders()).toEqual([]);
    await pairByQr(first, second, vault);
    expect(await second.run(['records', 'get', 'memory', 'after'])).toMatchObject({ code: 0 });
  });

  test('that leaves deletes its copy, and the last admin device cannot leave', async () => {
    const { first, second, vault } = await newPair();
    expect(await second.run(['device', 'leave'], { typed: ['yes\n'] })).toMatchObject({ code: 1 });
    expect(await second.run(['device', 'leave'], { typed: [`${vault}\n`] })).toMatchObject({ code: 0 });
    expect(second.vaultFolders()).toEqual([]);
    const last = await first.run(['device', 'leave', '--yes']);
    expect(last).toMatchObject({ code: 5, stderr: expect.stringContaining('anima device close') });
    expect((await first.json(['device', 'list']))[0].members).toHaveLength(1);
    expect(await first.run(['device', 'rotate'])).toMatchObject({ code: 0 });
  });
});

describe('recovery', () => {
  test('writes the page to a new private file, or shows the code in a terminal, and to nothing else', async () => {
    const { first } = await newVault();
    const file = join(first.home.folder, 'page.html');
    for (const args of [[], ['--json']]) {
      const refused = await first.run(['device', 'recovery-code', ...args]);
      expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--file') });
    }
    expect((await first.json(['device', 'list']))[0].hasRecovery).toBe(false);
    const made = await first.json(['device', 'recovery-code', '--file', file]);
    expect([modeOf(file), made.code]).toEqual(['600', undefined]);
    expect(readFileSync(file, 'utf8')).toContain('<h1>Recovery code</h1>');
    expect(await first.run(['device', 'recovery-code', '--file', file])).toMatchObject({ code: 5 });
    const again = ['device', 'recovery-code'];
    expect(await first.run(again, { typed: ['no\n'] })).toMatchObject({ code: 1, stdout: '' });
    const shown = await first.run(again, { typed: ['yes\n'] });
    expect(shown.stdout.match(/[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/gm)).toHaveLength(2);
    expect(shown.stdout).toContain('shown once');
  });

  test('brings the vault to an empty machine with the code, typed without being shown', async () => {
    const { key, first, vault } = await newVault();
    await put(first, 'memory', 'a', { kept: true });
    const file = join(first.home.folder, 'page.html');
    await first.run(['device', 'recovery-code', '--file', file]);
    const code = [...readFileSync(file, 'utf8').matchAll(/<li>([0-9A-Z]{4})<\/li>/g)]
      .map(([, group]) => group)
      .join('-');
    expect(code).toHaveLength(39);
    const fresh = newMachine(key);
    const refused = await fresh.run(['device', 'recover', vault, '--file', file], { input: code });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('no terminal') });
    expect(await fresh.run(['device', 'recover', vault, code], { typed: [] })).toMatchObject({ code: 2 });
    const mistyped = code.replace(/^./, (letter) => (letter === '7' ? '8' : '7'));
    const thrice = await fresh.run(['device', 'recover'], { typed: [1, 2, 3].map(() => `${mistyped}\r`) });
    expect(thrice).toMatchObject({ code: 2, stderr: expect.stringContaining('Type it again') });
    expect(fresh.vaultFolders()).toEqual([]);
    const recovered = await fresh.run(['device', 'recover'], { typed: [`${mistyped}\r`, `${code.toLowerCase()}\r`] });
    expect(recovered.code).toBe(0);
    for (const text of [code, mistyped, code.slice(0, 9)])
      expect(recovered.stdout + recovered.stderr).not.toContain(text);
    expect((await fresh.json(['records', 'get', 'memory', 'a'])).data).toEqual({ kept: true });
    const [listed] = await fresh.json(['device', 'list']);
    expect(listed.members.map(({ role }: { role: string }) => role).sort()).toEqual(['admin', 'recovery']);
    expect(await first.run(['device', 'sync'])).toMatchObject({ code: 4 });
    const other = newMachine(key);
    const used = await other.run(['device', 'recover'], { typed: [`${code}\r`] });
    expect(used).toMatchObject({ code: 4, stderr: expect.stringContaining('newest recovery code') });
    expect(other.vaultFolders()).toEqual([]);
  });

  test('of a vault without a code is refused', async () => {
    const { key, vault } = await newVault();
    const code = 'K3M9-0000-1111-2222-3333-4444-5555-6666';
    const fresh = newMachine(key);
    const { code: exit } = await fresh.run(['device', 'recover', vault], { typed: [1, 2, 3].map(() => `${code}\r`) });
    expect(exit).toBe(2);
    expect(await fresh.run(['device', 'recover', vault])).toMatchObject({ code: 2 });
  });
});

describe('export and import', () => {
  test('move records to another vault, marked as imported until a person confirms them', async () => {
    const { first, key } = await newVault();
    await put(first, 'memory', 'tea', { text: 'Likes tea' });
    await put(first, 'provider', 'openai', { endpoint: 'https://api.example', key: 'sk-1' });
    const [plain, sealed] = ['plain.json', 'sealed.json'].map((name) => join(first.home.folder, name)) as [
      string,
      string,
    ];
    expect(await first.run(['device', 'export-json'], { terminal: true })).toMatchObject({ code: 2, stdout: '' });
    expect(await first.run(['device', 'export-json', '-o', plain])).toMatchObject({ code: 0 });
    expect(modeOf(plain)).toBe('600');
    expect(JSON.parse(readFileSync(plain, 'utf8')).records).toHaveLength(2);
    expect(await first.run(['device', 'export-json', '-o', plain])).toMatchObject({ code: 5 });
    expect(JSON.parse((await first.run(['device', 'export-json'])).stdout).format).toBe('anima-device-export');
    expect(await first.run(['device', 'export-pia', '-o', sealed])).toMatchObject({ code: 2 });
    const exported = await first.run(['device', 'export-pia', '-o', sealed], { terminal: true });
    const code = /^ {4}(\S{19})$/m.exec(exported.stdout)?.[1] ?? '';
    expect([modeOf(sealed), readFileSync(sealed, 'utf8').includes('Likes')]).toEqual(['600', false]);
    const other = newMachine(key);
    await other.run(['device', 'create']);
    const wrong = await other.run(['device', 'import-pia', sealed], { input: 'AAAA-BBBB-CCCC-DDDD' });
    expect(wrong).toMatchObject({ code: 4, stderr: expect.stringContaining('Nothing was imported') });
    expect(await other.run(['device', 'import-pia', plain], { input: code })).toMatchObject({ code: 2 });
    expect(await other.run(['device', 'import-pia', sealed], { typed: ['\r'] })).toMatchObject({ code: 2 });
    const imported = await other.run(['device', 'import-pia', sealed], { input: `${code}\n` });
    expect(imported).toMatchObject({ code: 0, stderr: expect.stringContaining('anima records confirm provider') });
    expect((await other.run(['records', 'list', 'memory'])).stdout).toMatch(/Likes tea +imported$/m);
    const [provider] = await other.json(['records', 'list', 'provider']);
    expect(provider.isImported).toBe(true);
    const confirm = ['records', 'confirm', 'provider', provider.id];
    expect(await other.run(confirm)).toMatchObject({ code: 2 });
    expect(await other.run(confirm, { typed: ['no\n'] })).toMatchObject({ code: 1 });
    const confirmed = await other.run(confirm, { typed: ['yes\n'] });
    expect(confirmed).toMatchObject({ code: 0, stderr: expect.stringContaining('https://api.example') });
    expect((await other.json(['records', 'get', 'provider', provider.id])).isImported).toBe(false);
  });
});

describe('the end of a vault', () => {
  test('an open vault is not deleted at once, its devices are told, and one cancels it', async () => {
    const { first, vault } = await newVault();
    expect(await first.run(['device', 'delete', vault])).toMatchObject({ code: 2 });
    expect(await first.run(['device', 'delete', vault], { typed: ['yes\n'] })).toMatchObject({ code: 1 });
    const { stdout } = await first.run(['device', 'delete', vault], { typed: [`${vault}\n`] });
    expect(stdout).toContain('nothing was deleted yet');
    expect((await first.run(['device', 'sync'])).stderr).toContain('anima device keep');
    expect((await first.run(['device', 'list'])).stdout).toContain('can be deleted from');
    expect(await first.run(['device', 'keep'])).toMatchObject({ code: 0 });
    expect((await first.run(['device', 'list'])).stdout).not.toContain('can be deleted from');
  });

  test('a closed vault takes no records and is deleted at once; the copy here stays until it is deleted too', async () => {
    const { first, vault } = await newVault();
    await put(first, 'memory', 'a', { a: 1 });
    expect(await first.run(['device', 'close', '--yes'])).toMatchObject({ code: 2 });
    expect(await first.run(['device', 'close'], { typed: ['yes\n'] })).toMatchObject({ code: 1 });
    expect(await first.run(['device', 'close', '--yes', '--vault', vault])).toMatchObject({ code: 0 });
    expect(await first.run(['records', 'put', 'memory'], { input: '1' })).toMatchObject({ code: 5 });
    expect((await first.run(['device', 'list'])).stdout).toContain('closed');
    expect(await first.json(['device', 'delete', vault, '--yes'])).toMatchObject({ vault, deleted: true });
    expect(await first.run(['device', 'delete', vault, '--yes'])).toMatchObject({ code: 3 });
    expect(await first.run(['records', 'get', 'memory', 'a'])).toMatchObject({ code: 0 });
    expect(await first.run(['device', 'leave', '--forget', '--yes'])).toMatchObject({ code: 0 });
    expect(await first.run(['records', 'get', 'memory', 'a'])).toMatchObject({ code: 3 });
  });

  test('a damaged copy is reported, and can be deleted', async () => {
    const { first } = await newVault();
    await put(first, 'memory', 'a', { a: 1 });
    const file = join(first.vaultFolders()[0] ?? '', 'data');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    writeFileSync(file, bytes);
    const { code, stderr } = await first.run(['records', 'get', 'memory', 'a']);
    expect([code, stderr]).toEqual([7, expect.stringContaining('anima device leave --forget')]);
    const json = await first.run(['records', 'get', 'memory', 'a', '--json']);
    expect(JSON.parse(json.stderr).error).toMatchObject({ code: 'storage_damaged', exit: 7 });
    expect(await first.run(['device', 'leave', '--forget', '--yes'])).toMatchObject({ code: 0 });
    expect(first.vaultFolders()).toEqual([]);
  });
});
