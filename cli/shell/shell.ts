/** What a command has of the world around it: streams, environment, the vault, and ways to speak with people. */
import type { Anima, CallerIds } from '../../sdk/src/index.ts';

/** Where the API key in use was found. */
export type KeySource = 'environment' | 'keyring' | 'file';

/** An address and the key that belongs to it. */
export interface VaultAccess {
  /** Name of the profile; `environment` when the key is ANIMA_KEY's. */
  readonly name: string;
  readonly url: string;
  /** The secret itself: for requests and key derivation only, never for output. */
  readonly apiKey: string;
  readonly keyFrom: KeySource;
}

export interface Shell {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** Whether `--quiet` was given. */
  readonly quiet: boolean;
  /** The profile that `--profile` names. */
  readonly profileName: string | undefined;
  /**
   * A client of the vault: `--url`, `--profile`, then ANIMA_KEY with ANIMA_URL, then the stored profile.
   * @param ids what the audit records of its calls; by default agent `anima-cli` or ANIMA_AGENT, and run ANIMA_RUN
   * @throws CommandError when there is no key
   */
  client(ids?: CallerIds): Promise<Anima>;
  /** What `client` goes by, without the key. */
  profile(): Promise<Omit<VaultAccess, 'apiKey'>>;
  /** What `client` goes by, with the key. */
  access(): Promise<VaultAccess>;
  /** The address alone, for what needs no key. */
  address(): Promise<string>;
  /** One of the two to standard output: the text as it stands (a final newline is added unless it is empty or has one), or the JSON on one line. */
  print(human: string, json: unknown): void;
  /** A remark for people, to standard error; silent with --quiet. */
  note(text: string): void;
  /** Asks for `expected` to be typed. @throws CommandError when something else is, or nobody is there to ask */
  confirm(question: string, expected: string): Promise<void>;
  /** Asks for a line, shown while typed. @throws CommandError without a terminal */
  ask(question: string): Promise<string>;
  /** Asks for a secret without showing it; pasted line ends are kept. @throws CommandError without a terminal */
  secretPrompt(question: string): Promise<string>;
  /** Text in a style, on terminals that want colours: `paint('bold', text)`. */
  paint(style: Style, text: string): string;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
