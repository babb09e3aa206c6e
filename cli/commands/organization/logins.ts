import type { Command } from 'commander';
import type { AwsIdentity, LoginInfo, OidcIdentity, Role, Verb } from '../../../sdk/src/index.ts';
import { idsOfAccess } from '../../profiles/access-resolution.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseDuration } from '../../shell/durations.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts, formatTable, formatTableWithHead } from '../../shell/terminal-output.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
A login lets an identity of another system get API keys that work for some minutes, so that nobody stores a key there.
Identities are bound by ids, because a name can go to somebody else. How to get them:
  GitHub       gh api repos/OWNER/REPO --jq .id
  GitLab       the project ID on the page of the project
  AWS          aws iam get-role --role-name NAME --query Role.RoleId
  Kubernetes   kubectl get --raw /.well-known/openid-configuration shows the issuer,
               kubectl get serviceaccount NAME -o jsonpath={.metadata.uid} the id

Examples:
  $ anima logins create --github 74 --claim environment=prod --role reader --prefix prod/
  $ anima logins create --gitlab 20 --claim ref_protected=true --role agent
  $ anima logins create --aws 123456789012/AROACKCEVSQ6C2EXAMPLE --role agent
  $ anima logins create --issuer https://issuer.example --claim sub=build --role reader
  $ anima logins list
  $ anima logins delete 0123456789abcdef`;

interface CreateOptions {
  readonly role: string;
  readonly github?: string;
  readonly gitlab?: string;
  readonly aws?: string;
  readonly issuer?: string;
  readonly claim?: readonly string[];
  readonly name?: string;
  readonly prefix?: readonly string[];
  readonly verb?: readonly string[];
  readonly expiresIn?: string;
  readonly keyLifetime?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const logins = program
    .command('logins')
    .description('let CI jobs and AWS roles log in without a stored key')
    .addHelpText('after', help);
  logins
    .command('create')
    .description('create a login; prints the value of ANIMA_LOGIN')
    .requiredOption('--role <role>', 'role of the keys: admin, agent, reader or auditor')
    .option('--github <id>', 'id of a GitHub repository, a number')
    .option('--gitlab <id>', 'id of a project of gitlab.com, a number')
    .option('--aws <account/role-id>', 'AWS account and unique id of the role (AROA…)')
    .option('--issuer <url>', 'another OpenID Connect issuer')
    .option('--claim <name=value>', 'a claim that the token must have, exactly; repeatable', collectText)
    .option('--name <text>', 'label, such as the purpose')
    .option('--prefix <path>', 'limit the keys to these names; a folder ends in a slash; repeatable', collectText)
    .option('--verb <verb>', 'limit the keys to these verbs of the role; repeatable', collectText)
    .option('--expires-in <duration>', 'end the login after this time: 12h, 30d …')
    .option('--key-lifetime <duration>', 'lifetime of a key, 1m to 1h (default: 15m)')
    .action(async (options: CreateOptions, command: Command) => await create(shellOf(command), options));
  logins
    .command('list')
    .description('list logins')
    .action(async (_options: object, command: Command) => await list(shellOf(command)));
  logins
    .command('delete')
    .description('delete a login, and end the keys that it gave within five minutes')
    .argument('<id>', 'id of the login')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes = false }: { yes?: boolean }, command: Command) => {
      await remove(shellOf(command), id, yes);
    });
}

async function create(shell: Shell, options: CreateOptions): Promise<void> {
  const { role, name, prefix, verb, expiresIn, keyLifetime } = options;
  const client = await shell.client();
  const login = await client.logins.create({
    ...parseIdentity(options),
    role: role as Role,
    name,
    prefixes: prefix,
    verbs: verb as readonly Verb[] | undefined,
    expiresIn: expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn),
    keySeconds: keyLifetime === undefined ? undefined : parseDuration('--key-lifetime', keyLifetime),
  });
  const access = await shell.access();
  const org = idsOfAccess(access)?.org ?? '';
  const audience = `${new URL(access.url).origin}/${org}`;
  const animaLogin = `${org}/${login.id}`;
  if (!shell.json) {
    shell.note(
      formatFacts([
        ['id', login.id],
        ['identity', describeIdentity(login)],
        ['audience', login.oidc === undefined ? undefined : audience],
        ['set there', `ANIMA_URL=${access.url} and ANIMA_LOGIN to the text below`],
      ]),
    );
  }
  shell.print(line`${animaLogin}`, { ...login, audience, animaLogin });
}

const github = 'https://token.actions.githubusercontent.com';

/** @throws CommandError usage unless exactly one identity is given */
function parseIdentity(options: CreateOptions): { oidc?: OidcIdentity; aws?: AwsIdentity } {
  const { github: repository, gitlab: project, aws, issuer } = options;
  const given = [repository, project, aws, issuer].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw usageError(
      'Give exactly one of --github, --gitlab, --aws and --issuer; nothing was sent',
      '`anima logins --help` has examples.',
    );
  }
  const claims = parseClaims(options.claim ?? []);
  if (aws !== undefined) return { aws: parseRole(aws, claims) };
  if (issuer !== undefined) return { oidc: { issuer, claims } };
  if (repository !== undefined) {
    const how = 'gh api repos/OWNER/REPO --jq .id';
    return { oidc: { issuer: github, claims: { repository_id: parseId('--github', repository, how), ...claims } } };
  }
  const id = parseId('--gitlab', project ?? '', 'The page of the project shows its project ID.');
  return { oidc: { issuer: 'https://gitlab.com', claims: { project_id: id, ...claims } } };
}

function parseId(option: string, id: string, how: string): string {
  if (/^[0-9]{1,20}$/.test(id)) return id;
  throw usageError(`${option} takes an id, a number, because a name can go to somebody else; nothing was sent`, how);
}

function parseRole(text: string, claims: Record<string, string>): AwsIdentity {
  const [, account, roleId] = /^([0-9]{12})\/(AROA[A-Z0-9]+)$/.exec(text) ?? [];
  if (account === undefined || roleId === undefined || Object.keys(claims).length > 0) {
    throw usageError(
      '--aws takes an account and the unique id of a role, such as 123456789012/AROA…, and no claims; nothing was sent',
      'aws iam get-role --role-name NAME --query Role.RoleId',
    );
  }
  return { account, roleId };
}

function parseClaims(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw usageError('--claim takes NAME=VALUE; nothing was sent', 'For example: --claim environment=prod');
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function describeIdentity({ oidc, aws }: LoginInfo): string {
  if (aws !== undefined) return `AWS ${aws.account} ${aws.roleId}`;
  const claims = Object.entries(oidc?.claims ?? {}).map(([name, value]) => `${name}=${value}`);
  return [oidc?.issuer, ...claims].join(' ');
}

async function list(shell: Shell): Promise<void> {
  const client = await shell.client();
  const logins: LoginInfo[] = [];
  const damaged: string[] = [];
  for await (const page of client.logins.list({ pageSize: 1000 }).pages()) {
    logins.push(...page.logins);
    damaged.push(...(page.damaged ?? []));
  }
  if (damaged.length > 0) {
    shell.note(
      `Refused, because the vault did not write their records, somebody altered them, or they were deleted: ${damaged.join(', ')}`,
    );
  }
  const rows = logins.map((login) => [
    login.id,
    login.role,
    login.prefixes?.join(',') ?? 'all',
    describeIdentity(login),
    login.name ?? '',
  ]);
  if (!shell.isTerminal) return shell.print(formatTable(rows), logins);
  shell.print(formatTableWithHead([['ID', 'ROLE', 'NAMES', 'IDENTITY', 'FOR'], ...rows]), logins);
}

async function remove(shell: Shell, id: string, yes: boolean): Promise<void> {
  if (!/^[0-9a-z]{16}$/.test(id)) {
    throw usageError('That is not the id of a login, which has 16 characters; nothing was sent', '`anima logins list`');
  }
  const client = await shell.client();
  if (!yes && shell.stdin.isTTY) {
    await shell.confirm('This locks out the workloads of the login within five minutes. Type its id to continue:', id);
  }
  const deleted = await client.logins.delete(id);
  shell.print(line`Deleted the login ${deleted.id}. Its keys end within five minutes.`, deleted);
}
