/** `anima fetch`: makes a request with values through the vault. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { VaultFetchInit } from '../../../sdk/src/index.ts';
import { exitCodes, usageError } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import { cannotRead } from '../../shell/private-files.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
The vault replaces placeholders such as {{anima://prod/stripe/key}} and sends the request itself, to hosts that the rules of
the value allow (\`anima rules\`). This machine never has the value. The body of the response is printed; values in it are
concealed. Redirects are not followed. A status of 400 or more ends with exit code 1. If a person must allow the request, the
command waits for the answer, at most five minutes.

Examples:
  $ anima fetch https://api.stripe.com/v1/charges -H 'Authorization: Bearer {{anima://prod/stripe/key}}'
  $ anima fetch https://api.example.com/items --json-body '{"key":"{{anima://prod/key}}"}'
  $ anima fetch https://sts.eu-central-1.amazonaws.com/ --auth auth.json`;

interface Options {
  readonly method?: string;
  readonly header?: readonly string[];
  readonly body?: string;
  readonly jsonBody?: string;
  readonly auth?: string;
  readonly maxResponse?: string;
  readonly reason?: string;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number) => void,
): void {
  program
    .command('fetch')
    .description('make an HTTP request with values that stay in the vault')
    .argument('<url>', 'https://host/path; the query may contain placeholders')
    .option('-X, --method <method>', 'method; default GET, or POST with a body')
    .option('-H, --header <line>', "'Name: text', which may contain placeholders; repeatable", collectText)
    .option('-d, --body <text>', 'body as text, which may contain placeholders')
    .option('--json-body <json>', 'body as JSON, whose strings may contain placeholders')
    .option('--auth <file>', 'JSON file with a signing scheme (docs/broker.md)')
    .option('--max-response <bytes>', 'maximum bytes of the response')
    .option('--reason <text>', 'why, for the person who must allow the request; at most 200 characters')
    .addHelpText('after', help)
    .action(async (url: string, options: Options, command: Command) => {
      const shell = shellOf(command);
      const init: VaultFetchInit = {
        ...(await toInit(options)),
        reason: options.reason,
        onApproval: ({ id, devices, expires }) =>
          shell.note(
            `Waiting until a person allows this, on one of ${devices} devices: approval ${id}, until ${expires.toISOString()}. Nothing was sent yet.`,
          ),
      };
      const response = (await (await shell.client()).vault.fetch(url, init)) as Response;
      const body = await response.text();
      const headers = Object.fromEntries(response.headers);
      shell.note(`HTTP ${response.status} ${response.statusText}`.trim());
      const omitted = response.headers.get('anima-body-omitted');
      if (omitted !== null) shell.note(`The body is not returned: ${omitted}.`);
      if (response.headers.has('anima-truncated')) shell.note('The body is longer; use --max-response for more of it.');
      shell.print(body, { status: response.status, headers, body });
      if (response.status >= 400) setExitCode(exitCodes.failed);
    });
}

async function toInit({ method, header = [], body, jsonBody, auth, maxResponse }: Options): Promise<VaultFetchInit> {
  if (body !== undefined && jsonBody !== undefined) throw usageError('Give --body or --json-body. Nothing was sent');
  const hasBody = body !== undefined || jsonBody !== undefined;
  return {
    method: (method?.toUpperCase() ?? (hasBody ? 'POST' : 'GET')) as VaultFetchInit['method'],
    headers: header.map(parseHeader),
    ...(body === undefined ? {} : { body }),
    ...(jsonBody === undefined ? {} : { json: parseJson(jsonBody, '--json-body') }),
    ...(auth === undefined ? {} : { auth: parseJson(await readText(auth), '--auth') as VaultFetchInit['auth'] }),
    ...(maxResponse === undefined ? {} : { maxResponseBytes: parseWhole('--max-response', maxResponse, 1) }),
  };
}

function parseHeader(text: string): readonly [string, string] {
  const at = text.indexOf(':');
  if (at < 1) throw usageError("--header requires 'Name: text'. Nothing was sent");
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(`${option} is not valid JSON. Nothing was sent`);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw cannotRead(file, error);
  }
}
