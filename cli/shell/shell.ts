/**
 * The interface between a command and its environment: streams, environment variables, the vault, and user
 * interaction.
 */
import type { Anima, CallerIds } from '../../sdk/src/index.ts';
import type { TerminalText } from './terminal-text.ts';

/** Where the API key in use was found. */
export type KeySource = 'environment' | 'keyring' | 'file' | 'login';

/** An address and the key that belongs to it. */
export interface VaultAccess {
  /** Name of the profile; `environment` if the key is from ANIMA_KEY, or from the login in ANIMA_LOGIN. */
  readonly name: string;
  readonly url: string;
  /** The secret key, for requests and key derivation only; never print it. */
  readonly apiKey: string;
  /** Organization, slash, id of the login that gives keys. `apiKey` is then empty. */
  readonly login?: string;
  readonly keyFrom: KeySource;
}

/**
 * Text for people is printed by `print`, `note`, `error` and `printContent` only. They escape what could control a
 * terminal, so no caller has to. A test finds direct writes.
 */
export interface Shell {
  readonly stdin: NodeJS.ReadStream;
  /** Standard output for bytes of others: of a started command, a protocol, or a file. */
  readonly rawStdout: NodeJS.WriteStream;
  /** Standard error for bytes of others. */
  readonly rawStderr: NodeJS.WriteStream;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** Whether `--quiet` was given. */
  readonly quiet: boolean;
  /** The value of `--profile`. */
  readonly profileName: string | undefined;
  /** The value of `--url`. */
  readonly urlOption: string | undefined;
  /**
   * Creates a vault client. Sources in order: `--url`, `--profile`, ANIMA_KEY with ANIMA_URL, the stored profile.
   * @param ids caller ids for the audit. Default: agent `anima-cli` or ANIMA_AGENT, and run ANIMA_RUN
   * @throws CommandError if there is no key
   */
  client(ids?: CallerIds): Promise<Anima>;
  /** The profile that `client` uses, without the key. */
  profile(): Promise<Omit<VaultAccess, 'apiKey'>>;
  /** The profile that `client` uses, with the key. */
  access(): Promise<VaultAccess>;
  /** The address only, for commands without a key. */
  address(): Promise<string>;
  /**
   * Prints the text or, with --json, the JSON on one line. A final newline is added to the text unless it is empty or
   * has one. Line ends in the text are kept, so pieces from the vault within a line need `escapeForLine`; tables, facts
   * and trees do that.
   */
  print(human: TerminalText, json: unknown): void;
  /**
   * Prints content, such as a value: byte for byte into a pipe or a file, and escaped on a terminal, with a note if
   * something was escaped.
   */
  printContent(text: string): void;
  /** Prints a note on standard error; silent with --quiet. */
  note(text: string): void;
  /** Prints an error on standard error, for failures that are not thrown. */
  error(text: string): void;
  /** Asks the user to type `expected`. @throws CommandError if the input differs or there is no terminal */
  confirm(question: string, expected: string): Promise<void>;
  /** Prompts for a line that is shown while typed. @throws CommandError without a terminal */
  ask(question: string): Promise<string>;
  /** Prompts for a hidden secret; pasted line ends are kept. @throws CommandError without a terminal */
  secretPrompt(question: string): Promise<string>;
}
