/** The page about device vaults: its programs run, its other examples compile, and its tables are complete. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { deviceLimits } from '../../contract/devices/limits.ts';
import { deviceErrors } from '../../contract/shared/error-codes.ts';
import { maxMembers, maxRosterEntries, reservedRosterEntries } from '../../core/devices/limits.ts';
import { recoveryBoxHash } from '../../core/devices/recovery-code.ts';
import { deviceErrorMessages } from '../../sdk/src/device/device-error-messages.ts';
import { createUser, generateDeviceKeys, memberOf, ServedVault } from '../devices/signed-device-requests.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-devices-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const page = readFileSync(join(projectFolder, 'docs', 'devices.md'), 'utf8');
const sourceOf = (name: string): string => join(projectFolder, 'sdk', 'src', 'device', name);

/** The code blocks of a kind, with the packages replaced by their sources. */
const blocksOf = (kind: string): string[] =>
  [...page.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === kind)
    .map(([, , code = '']) =>
      code
        .replaceAll("'@anima/sdk/device/node'", `'${sourceOf('node.ts')}'`)
        .replaceAll("'@anima/sdk/device'", `'${sourceOf('index.ts')}'`)
        .replaceAll("'@anima/sdk'", `'${join(projectFolder, 'sdk', 'src', 'index.ts')}'`),
    );

interface Program {
  /** Resolves when the output has this text. */
  until(text: string): Promise<string>;
  answer(text: string): void;
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
}

function start(name: string, apiKey: string): Program {
  const { url, adminKey } = stack.vault;
  const env = { ...process.env, ANIMA_KEY: apiKey, ANIMA_ADMIN_KEY: adminKey, ANIMA_URL: url };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', name], { cwd: folder, env });
  let output = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const wake of waiting) wake();
    });
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  );
  const found = (text: string) =>
    new Promise<string>((resolve) => {
      const wake = () => output.includes(text) && resolve(output);
      waiting.add(wake);
      wake();
    });
  const until = (text: string) =>
    Promise.race([found(text), ended.then(() => expect.fail(`${name} ended without "${text}": ${output}`))]);
  return { until, answer: (text) => void child.stdin.write(`${text}\n`), ended };
}

describe('the page about device vaults', () => {
  test('has programs that create a vault, pair a second device, and make a recovery code', async () => {
    for (const code of blocksOf('js')) {
      const [, name] = /^\/\/ (\S+\.mjs)\n/.exec(code) ?? expect.fail('a program without a name');
      writeFileSync(join(folder, String(name)), code);
    }
    const user = await start('user.mjs', '').ended;
    const [, key = ''] = /^export ANIMA_KEY=(\S+)\n$/.exec(user.output) ?? expect.fail(user.output);
    const laptop = await start('laptop.mjs', key).ended;
    expect(laptop).toMatchObject({ code: 0, output: expect.stringContaining('true synced { text:') });

    const phone = start('phone.mjs', key);
    await phone.until('waiting, pairing');
    const approving = start('approve.mjs', key);
    const shown = await Promise.all([phone, approving].map((program) => program.until('same code?')));
    const codes = shown.map((output) => /\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b/.exec(output)?.[0]);
    expect(codes[0]).toBeDefined();
    expect(codes[0]).toBe(codes[1]);
    phone.answer('yes');
    approving.answer('yes');
    expect(await approving.ended).toMatchObject({
      code: 0,
      output: expect.stringMatching(/admin Laptop\n.*admin Phone/),
    });
    expect(await phone.ended).toMatchObject({ code: 0, output: expect.stringContaining('Likes green tea') });

    expect(await start('recovery-code.mjs', key).ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'recovery.html'), 'utf8')).toMatch(/<li>[0-9A-Z]{4}<\/li>/);
  });

  test('and custody.md shows the answer of `explain` as it is', async () => {
    const vault = new ServedVault(stack, await createUser(stack));
    const admin = await vault.begin();
    const [data, removed] = [await vault.add(admin, 'data'), await vault.add(admin, 'data')];
    const box = randomBytes(250);
    const recovery = memberOf(await generateDeviceKeys(true), 'recovery');
    await vault.roster(admin, { kind: 'recovery', recovery, box: await recoveryBoxHash(box) }, box);
    await vault.roster(admin, { kind: 'remove', device: removed.id });
    const ref = `device:${vault.scope.user}/${vault.scope.vault}`;
    const answer = await stack.http('GET', `/v1/explain?ref=${ref}`, { key: stack.vault.adminKey });
    const custody = readFileSync(join(projectFolder, 'docs', 'custody.md'), 'utf8');
    const [, shown = ''] = /```json\n(\{\n {2}"ref": "device:[\s\S]*?)```/.exec(custody) ?? expect.fail('no answer');
    // The ids are those of this vault.
    const stated = JSON.parse(shown);
    const [first, second] = stated.canOpen.map(({ id }: { id?: string }) => id);
    const own = shown.replaceAll(stated.ref, ref).replaceAll(first, admin.id).replaceAll(second, data.id);
    expect(JSON.parse(own)).toEqual(await answer.json());
  });

  test('has other examples that compile', () => {
    const examples = blocksOf('ts');
    expect(examples.length).toBeGreaterThan(1);
    const prelude = `import type { DeviceVault } from '${sourceOf('index.ts')}';\ndeclare const vault: DeviceVault;\n`;
    const files = examples.map((code, at) => {
      const file = join(folder, `example-${at}.ts`);
      writeFileSync(file, `${prelude}${code}export {};\n`);
      return file;
    });
    // Modules, as the project: they await at the top level.
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const config = join(folder, 'tsconfig.json');
    const compilerOptions = { typeRoots: [join(projectFolder, 'node_modules', '@types')] };
    const settings = { extends: join(projectFolder, 'tsconfig.json'), compilerOptions, include: [], files };
    writeFileSync(config, JSON.stringify(settings));
    const compiler = join(projectFolder, 'node_modules', '.bin', 'tsc');
    const { status, stdout } = spawnSync(compiler, ['-p', config], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  test('says of each error what to do', () => {
    const section = page.slice(page.indexOf('## Troubleshooting'));
    const rows = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code),
    );
    const own = Object.keys(deviceErrorMessages);
    expect(own.length).toBeGreaterThan(25);
    expect(rows.toSorted()).toEqual([...own, ...Object.keys(deviceErrors)].toSorted());
  });

  test('states the limits that are enforced', () => {
    const section = page.slice(page.indexOf('## Limits'), page.indexOf('## Troubleshooting'));
    const numbers = (start: string): number[] => {
      const line = section.split('\n').find((row) => row.startsWith(`| ${start}`)) ?? expect.fail(start);
      return [...line.matchAll(/\d[\d,]*/g)].map(([text]) => Number(text.replaceAll(',', '')));
    };
    expect(numbers('vaults of a user')).toEqual([deviceLimits.deviceVaults]);
    expect(numbers('members')).toEqual([maxMembers]);
    expect(numbers('changes of the list')).toEqual([maxRosterEntries, reservedRosterEntries]);
    expect(numbers('log of a vault').map((gib) => gib * 2 ** 30)).toEqual([deviceLimits.deviceLogBytes]);
    expect(numbers('pairings at a time')).toEqual([deviceLimits.pairings]);
    expect(numbers('difference between')).toEqual([deviceLimits.signatureAgeSeconds]);
  });
});
