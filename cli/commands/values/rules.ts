/** `anima rules`: shows and changes what a value may be used for, without showing or asking for the value. */
import type { Command } from 'commander';
import type { UsageRules } from '../../../sdk/src/index.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
The rules belong to a version of the value and are encrypted with it. \`set\` replaces all of them and stores a new version
with the same value; this needs permission to read and write the value. Without hosts, a value cannot be used by
\`anima fetch\`, \`client.vault.fetch\` or \`anima mcp\`.

Examples:
  $ anima rules show prod/stripe/key
  $ anima rules set prod/stripe/key --host api.stripe.com --place header --path '/v1/**' --method GET
  $ anima rules set prod/google/refresh --host gmail.googleapis.com --token-host oauth2.googleapis.com --place auth
  $ anima rules set prod/db/key --host db.example.com --hours 'mon-fri 08:00-18:00' --per-minute 60
  $ anima rules set prod/stripe/key --host api.stripe.com --approver annannannannanna
  $ anima rules clear prod/stripe/key`;

interface Options {
  readonly host?: readonly string[];
  readonly tokenHost?: readonly string[];
  readonly method?: readonly string[];
  readonly place?: readonly string[];
  readonly path?: readonly string[];
  readonly header?: readonly string[];
  readonly hours?: string;
  readonly perMinute?: string;
  readonly responseBytes?: string;
  readonly approver?: string;
  readonly approval?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const rules = program
    .command('rules')
    .description('show or change what a value may be used for')
    .addHelpText('after', help);
  rules
    .command('show')
    .description('show the rules of the current version')
    .argument('<name>', 'a path such as prod/stripe/key')
    .action(async (name: string, _options: object, command: Command) => {
      const shell = shellOf(command);
      const found = await (await shell.client()).vault.getRules(name);
      shell.print(formatRules(name, found), { name, rules: found });
    });
  rules
    .command('set')
    .description('replace all rules; at least one host is required')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--host <host>', 'host that the value may be sent to; repeatable', collectText)
    .option('--token-host <host>', 'host whose token endpoint may receive it; repeatable', collectText)
    .option('--method <method>', 'allowed method; repeatable', collectText)
    .option('--place <place>', 'header, query, body or auth; repeatable', collectText)
    .option('--path <path>', 'allowed path, such as /v1/* or /v1/**; repeatable', collectText)
    .option('--header <name>', 'header that may contain it; repeatable', collectText)
    .option('--hours <hours>', 'when it may be used, UTC: 08:00-18:00 or mon-fri 08:00-18:00')
    .option('--per-minute <number>', 'maximum uses in each minute')
    .option('--response-bytes <bytes>', 'maximum bytes of a response')
    .option('--approver <person>', 'person who must allow each use (docs/approvals.md)')
    .option('--approval <extent>', "how much one approval covers: each, 'run 20 /v1/**' or 'time 20 /v1/**'")
    .action(async (name: string, options: Options, command: Command) => {
      if (options.host === undefined)
        throw usageError(
          '`anima rules set` needs --host. Nothing was stored',
          'To end all use: `anima rules clear NAME`.',
        );
      await store(shellOf(command), name, toRules(options));
    });
  rules
    .command('clear')
    .description('remove all rules, so that the value cannot be used any more')
    .argument('<name>', 'a path such as prod/stripe/key')
    .action(async (name: string, _options: object, command: Command) => await store(shellOf(command), name, {}));
}

const toNumber = (option: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseWhole(option, text, 1);

/** The lists are checked with the parser that decides about uses, in `store`. */
function toRules(options: Options): UsageRules {
  const { host, tokenHost, method, place, path, header, hours, perMinute, responseBytes, approver, approval } = options;
  const list = (given: readonly string[] | undefined) => (given === undefined ? undefined : [...given]);
  return {
    hosts: list(host),
    tokenHosts: list(tokenHost),
    methods: list(method?.map((one) => one.toUpperCase())) as UsageRules['methods'],
    places: list(place) as UsageRules['places'],
    paths: list(path),
    headers: list(header),
    hours,
    perMinute: toNumber('--per-minute', perMinute),
    responseBytes: toNumber('--response-bytes', responseBytes),
    approver,
    approval,
  };
}

async function store(shell: Shell, name: string, rules: UsageRules): Promise<void> {
  const { checkRules } = await import('../../mcp/metadata-arguments.ts');
  checkRules(rules);
  const { version } = await (await shell.client()).vault.setRules(name, rules);
  shell.print(line`Version ${String(version)} of ${name} has these rules:`, { name, version, rules });
  shell.note(formatRules(name, rules));
}

function formatRules(name: string, rules: UsageRules): string {
  const listed = (entries: readonly string[] | undefined, all: string) => entries?.join(', ') ?? all;
  return formatFacts([
    ['name', name],
    ['hosts', listed(rules.hosts, 'none: the value cannot be used')],
    ['token hosts', rules.tokenHosts?.join(', ')],
    ['methods', listed(rules.methods, 'all')],
    ['places', listed(rules.places, 'all')],
    ['paths', listed(rules.paths, 'all')],
    ['headers', rules.headers?.join(', ')],
    ['hours (UTC)', rules.hours],
    ['uses per minute', rules.perMinute === undefined ? undefined : String(rules.perMinute)],
    ['approver', rules.approver],
    ['one approval', rules.approver === undefined ? undefined : (rules.approval ?? 'each')],
    ['response bytes', rules.responseBytes === undefined ? undefined : String(rules.responseBytes)],
  ]);
}
