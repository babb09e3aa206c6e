/** docs/sessions.md: the commands of the example, on three machines, with a local vault. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { StartedCommand } from '../cli/command-runner.ts';
import { runAnima, temporaryHome } from '../cli/in-process-cli.ts';
import { type RunningCommand, SessionMachine, shownFingerprint } from '../cli/session-homes.ts';
import { useLocalStack } from '../shared/local-stack.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('../cli/fast-session-clock.ts'));

const stack = useLocalStack();
const homes = [temporaryHome(), temporaryHome(), temporaryHome()] as const;

interface Step {
  readonly machine: string;
  readonly isBackground: boolean;
  readonly line: string;
}

/** Lines of the blocks of the section. The first line of a block names the machine. */
function stepsOf(page: string): Step[] {
  const [, section = ''] = /^## At the command line$([\s\S]*?)^\| command /m.exec(page) ?? [];
  return [...section.matchAll(/```sh\n# (\w+)(, in the background)?\n([\s\S]*?)```/g)].flatMap(
    ([, machine = '', background, body = '']) =>
      body
        .trim()
        .split('\n')
        .map((line) => ({ machine, isBackground: background !== undefined, line })),
  );
}

/** The words in capital letters that earlier commands printed, and the commands that run. */
class Example {
  /** What was said to the agent, and what the command printed. */
  readonly answers: (readonly [said: string, printed: string])[] = [];
  readonly #machines: Record<string, SessionMachine>;
  readonly #words: Record<string, string> = { URL: stack.vault.url };
  #enrolling: RunningCommand | undefined;
  listening: StartedCommand | undefined;
  #agentLog = '';

  constructor(adminKey: string) {
    this.#machines = {
      admin: new SessionMachine(homes[0], stack, adminKey),
      phone: new SessionMachine(homes[1], stack),
      laptop: new SessionMachine(homes[2], stack),
    };
  }

  async run({ machine: name, isBackground, line }: Step): Promise<void> {
    const machine = this.#machines[name] ?? expect.fail(`no machine ${name}`);
    const text = line
      .replace('recovery.txt', `${machine.home.folder}/recovery.txt`)
      .replace(/\b[A-Z]{3,}\b(?!=)/g, (word) => this.#words[word] ?? word);
    const [, input, invite = '', command = ''] =
      /^(?:echo '(.*)' \| )?(?:ANIMA_INVITE=(\S+) )?anima (.*)$/.exec(text) ?? expect.fail(`not a command: ${line}`);
    const args = [...command.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
    if (isBackground) return await this.#start(machine, args, invite);
    if (args[1] === 'admit') await untilAnswered(machine);
    const isChat = input !== undefined;
    const result = await runAnima(isChat ? args : [...args, '--json'], { env: machine.env, input });
    expect([line, result.code, result.stderr]).toEqual([line, 0, expect.any(String)]);
    if (!isChat) return await this.#learn(args, JSON.parse(result.stdout));
    this.answers.push([input, result.stdout]);
    // The next line is typed while the command of this message runs.
    if (!args.includes('--wait')) await expect.poll(() => this.#agentLog).toContain('running the command.');
  }

  async #start(machine: SessionMachine, args: readonly string[], invite: string): Promise<void> {
    if (args[1] === 'listen') {
      this.listening = machine.spawn(args);
      this.listening.child.stderr?.on('data', (text: string) => {
        this.#agentLog += text;
      });
      return;
    }
    this.#enrolling = machine.start([...args, '--json'], { ANIMA_INVITE: invite });
    this.#words.FINGERPRINT = await shownFingerprint(this.#enrolling);
  }

  async #learn([group, name]: readonly string[], printed: Record<string, string>): Promise<void> {
    const { invite = '', device = '', person = '', role } = printed;
    if (group === 'invite') this.#words.INVITE = invite;
    if (name === 'admit') this.#words[role === 'agent' ? 'AGENT' : 'PERSON'] = role === 'agent' ? device : person;
    // The first device is active at once; the agent after the confirmation.
    if ((name === 'admit' && role === 'owner') || name === 'confirm') expect(await this.#enrolling?.ended).toBe(0);
  }
}

test('every line of the example does what the page says', async () => {
  const { adminKey } = await stack.newOrg();
  const example = new Example(adminKey);
  const steps = stepsOf(readFileSync('docs/sessions.md', 'utf8'));
  expect(steps.length).toBeGreaterThan(15);
  for (const step of steps) await example.run(step);
  expect(example.answers).toEqual([
    ['600', expect.stringContaining('#1 ')],
    ['/stop', '[agent] Stopped. The output of the command was not sent.\n'],
    ['1', '1 s of work\n'],
  ]);
  example.listening?.child.kill('SIGINT');
  expect(await example.listening?.ended).toMatchObject({ code: 0 });
});

/** A device has sent its keys. */
async function untilAnswered(admin: SessionMachine): Promise<void> {
  while ((await admin.json(['directory', 'pending'])).admit.length === 0) await wait(50);
}
