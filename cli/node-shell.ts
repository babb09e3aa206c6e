/** The shell of a real process. Tests replace its streams. */
import { styleText } from 'node:util';
import type { Anima, CallerIds } from '../sdk/src/index.ts';
import { type AccessFlags, resolveAccess, resolveAddress } from './profiles/access-resolution.ts';
import { createClient } from './shell/anima-client.ts';
import { CommandError, exitCodes } from './shell/command-error.ts';
import { hasProxy } from './shell/node-fetch.ts';
import type { Shell, VaultAccess } from './shell/shell.ts';
import {
  escapeContent,
  escapeForTerminal,
  escapeJson,
  formatForTerminal,
  type Style,
  type TerminalText,
} from './shell/terminal-text.ts';

/** The parts of a process that a command can access. */
export interface HostProcess {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Options of every command. */
export interface GlobalOptions extends AccessFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

export class ProcessShell implements Shell {
  readonly stdin: NodeJS.ReadStream;
  readonly rawStdout: NodeJS.WriteStream;
  readonly rawStderr: NodeJS.WriteStream;
  readonly isTerminal: boolean;
  readonly env: HostProcess['env'];
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #flags: AccessFlags;
  readonly #usesColours: boolean;
  #access: Promise<VaultAccess> | undefined;
  #explainedEscapes = false;

  constructor(host: HostProcess, { json = false, quiet = false, color = true, profile, url }: GlobalOptions) {
    this.stdin = host.stdin;
    this.rawStdout = host.stdout;
    this.rawStderr = host.stderr;
    this.isTerminal = host.stdout.isTTY === true;
    this.env = host.env;
    this.json = json;
    this.quiet = quiet;
    this.#flags = { profile, url };
    this.#usesColours = color && wantsColours(host.stdout, host.env);
  }

  get profileName(): string | undefined {
    return this.#flags.profile;
  }

  get urlOption(): string | undefined {
    return this.#flags.url;
  }

  async client(ids: CallerIds = {}): Promise<Anima> {
    const access = await this.access();
    if (hasProxy(this.env)) await assertProxy(access, this.env);
    return createClient(access, this.env, ids);
  }

  async profile(): Promise<Omit<VaultAccess, 'apiKey'>> {
    const { name, url, keyFrom } = await this.access();
    return { name, url, keyFrom };
  }

  async access(): Promise<VaultAccess> {
    // Resolved once, because a keyring may prompt the user each time.
    this.#access ??= resolveAccess(this.#flags, this.env);
    return await this.#access;
  }

  async address(): Promise<string> {
    return await resolveAddress(this.#flags, this.env);
  }

  print(human: TerminalText, json: unknown): void {
    if (this.json) {
      this.rawStdout.write(`${escapeJson(JSON.stringify(json))}\n`);
      return;
    }
    const text = formatForTerminal(human, (style, part) =>
      this.#usesColours ? styleText(formatsOf(style), part, { validateStream: false }) : part,
    );
    if (text !== '') this.rawStdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  printContent(text: string): void {
    const shown = this.isTerminal ? escapeContent(text) : text;
    this.rawStdout.write(shown);
    if (shown === text || this.#explainedEscapes) return;
    this.#explainedEscapes = true;
    this.note('Control and invisible characters are shown as escapes. A pipe or a file gets the exact bytes.');
  }

  note(text: string): void {
    if (!this.quiet) this.error(text);
  }

  error(text: string): void {
    this.rawStderr.write(`${escapeForTerminal(text)}\n`);
  }

  async confirm(question: string, expected: string): Promise<void> {
    const { askLine } = await import('./shell/prompts.ts');
    if ((await askLine(this.#streams(), question)) === expected) return;
    throw new CommandError('The confirmation does not match; nothing was done', { exit: exitCodes.failed });
  }

  async ask(question: string): Promise<string> {
    const { askLine } = await import('./shell/prompts.ts');
    return await askLine(this.#streams(), question);
  }

  async secretPrompt(question: string): Promise<string> {
    const { askSecret } = await import('./shell/prompts.ts');
    return await askSecret(this.#streams(), question);
  }

  #streams(): Pick<HostProcess, 'stdin' | 'stderr'> {
    return { stdin: this.stdin, stderr: this.rawStderr };
  }
}

/** An invalid proxy is reported as such; a request would report a failed connection. @throws CommandError */
async function assertProxy({ url }: VaultAccess, env: HostProcess['env']): Promise<void> {
  const { proxyFor } = await import('./shell/proxy-settings.ts');
  const address = URL.parse(url);
  if (address !== null) proxyFor(address, env);
}

const formatsOf = (style: Style): Parameters<typeof styleText>[0] =>
  style === 'whiteOnBlack' ? ['whiteBright', 'bgBlack'] : style;

/** Colours are used only on terminals, and not with NO_COLOR (no-color.org) or on a terminal without colours. */
export function wantsColours(stream: NodeJS.WriteStream, env: HostProcess['env']): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}
