/** Machines of one user, each with a home of its own, and the pairing of two of them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { LocalStack } from '../shared/local-stack.ts';
import {
  type CliSurroundings,
  type CommandResult,
  runAnima,
  type TypedAnswer,
  type temporaryHome,
} from './in-process-cli.ts';

export type Home = ReturnType<typeof temporaryHome>;

export class Machine {
  readonly home: Home;
  /** Environment with the key of the user. */
  readonly env: Readonly<Record<string, string>>;

  constructor(home: Home, stack: LocalStack, key: string) {
    this.home = home;
    this.env = { ...home.env, ANIMA_KEY: key, ANIMA_URL: stack.vault.url };
  }

  async run(args: readonly string[], world: CliSurroundings = {}): Promise<CommandResult> {
    return await runAnima(args, { ...world, env: { ...this.env, ...world.env } });
  }

  /** The JSON that a command prints. */
  async json(args: readonly string[], world: CliSurroundings = {}) {
    const { code, stdout, stderr } = await this.run([...args, '--json'], world);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return JSON.parse(stdout);
  }

  /** Folders of vaults on this machine. */
  vaultFolders(): string[] {
    const folder = join(this.home.folder, 'anima', 'devices', 'environment');
    try {
      return readdirSync(folder).map((name) => join(folder, name));
    } catch {
      return [];
    }
  }
}

export async function createUserKey(stack: LocalStack): Promise<string> {
  return (await stack.clientOf(stack.vault.adminKey).users.create()).key;
}

/** The code that a device shows, as soon as it asks for the comparison. */
export const shownCode = (shown: string): string | undefined =>
  /^ {4}((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})$/m.exec(shown)?.[1];

/** Types an answer when the comparison is asked for. */
export const whenAsked =
  (answer: string): TypedAnswer =>
  (shown) =>
    shown.includes('Type yes if') ? `${answer}\n` : undefined;

/** Runs a command that shows a QR code, and returns its text at once. */
export async function showQr(machine: Machine, args: readonly string[]) {
  const shown = Promise.withResolvers<string>();
  const ended = machine.run(args, {
    terminal: true,
    onOutput: (output) => {
      const [text] = /ANIMA-[NA]1-[0-9A-Z]+\n/.exec(output) ?? [];
      if (text !== undefined) shown.resolve(text);
    },
  });
  void ended.then(({ stderr }) => shown.reject(new Error(stderr)));
  return { text: await shown.promise, ended };
}

/** Adds a machine to a vault, without a person. */
export async function pairByQr(admin: Machine, added: Machine, vault: string, role: 'admin' | 'data' = 'admin') {
  const { text, ended } = await showQr(added, ['device', 'join', vault, '--qr']);
  const approved = await admin.json(['device', 'approve', '--vault', vault, '--role', role, '--qr'], { input: text });
  expect(await ended).toMatchObject({ code: 0 });
  return approved;
}

/** Waits until a device waits for an approval. @returns the id of its pairing */
export async function untilPending(admin: Machine, vault: string): Promise<string> {
  let pairing = '';
  const look = async () => {
    const [first] = await admin.json(['device', 'approve', '--list', '--vault', vault]);
    pairing = first?.pairing ?? '';
    return pairing;
  };
  await expect.poll(look, { interval: 200 }).not.toBe('');
  return pairing;
}

/** Pairs two machines by code. */
export async function pair(
  admin: Machine,
  added: Machine,
  vault: string,
  { approve = [], answers = ['yes', 'yes'] }: { approve?: readonly string[]; answers?: readonly [string, string] } = {},
): Promise<{ readonly joined: CommandResult; readonly approved: CommandResult }> {
  const joining = added.run(['device', 'join', vault], { typed: [whenAsked(answers[0])] });
  const pairing = await untilPending(admin, vault);
  const approving = admin.run(['device', 'approve', pairing, '--vault', vault, ...approve], {
    typed: [whenAsked(answers[1])],
  });
  const [joined, approved] = await Promise.all([joining, approving]);
  return { joined, approved };
}
