import type { Command } from 'commander';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';

const help = `
\`create\` is for the operator of the deployment. It is signed with AWS credentials from the environment or the default chain
(profiles, SSO, roles); the principal needs permission to invoke the API. It prints the first admin key, only once.

Examples:
  $ anima org
  $ AWS_PROFILE=ops anima org create --url https://vault.example.com --region eu-central-1
  $ anima org create | anima login --profile acme --url https://vault.example.com`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const org = program
    .command('org')
    .description('show the organization of the key in use')
    .addHelpText('after', help)
    .action(async (_options: object, command: Command) => await show(shellOf(command)));
  org
    .command('create')
    .description('create an organization and its first admin key (operator)')
    .option('--region <region>', 'AWS region of the vault (default: from its address, else AWS_REGION)')
    .action(async ({ region }: { region?: string }, command: Command) => await create(shellOf(command), region));
}

async function show(shell: Shell): Promise<void> {
  const answer = await (await shell.client()).org.get();
  const deks = answer.deks.map(({ version, state, createdAt }) => `version ${version} ${state}, since ${createdAt}`);
  shell.print(
    formatFacts([
      ['organization', answer.org],
      ['state', answer.state],
      ['made', answer.createdAt],
      ...deks.map((text, i): [string, string] => [i === 0 ? 'keys' : '', text]),
    ]),
    answer,
  );
}

async function create(shell: Shell, region: string | undefined): Promise<void> {
  const { signedPost } = await import('../../shell/signed-aws-request.ts');
  const url = await shell.address();
  const answer = await signedPost(new URL(`${url}/v1/orgs`), '{}', region, shell.env);
  const made = await madeOrg(answer);
  if (!shell.json) {
    shell.note(
      `${formatFacts([
        ['vault', url],
        ['organization', made.org],
        ['admin key', made.id],
      ])}\nThe admin key is shown only once:`,
    );
  }
  shell.print(made.key, made.whole);
}

/** @throws CommandError if the response is not the documented one; the message repeats only the vault's error code */
async function madeOrg(answer: Response): Promise<{ org: string; id: string; key: string; whole: unknown }> {
  const body: unknown = await answer.json().catch(() => undefined);
  const { org, adminKey, code } = fields(body);
  const { id, key } = fields(adminKey);
  if (answer.status === 201 && typeof org === 'string' && typeof id === 'string' && typeof key === 'string') {
    return { org, id, key, whole: body };
  }
  const why =
    typeof code === 'string' && /^[a-z_]{1,40}$/.test(code)
      ? `${code}, HTTP ${answer.status}`
      : `HTTP ${answer.status}`;
  const denied = answer.status === 401 || answer.status === 403;
  throw new CommandError(`No organization was made (${why})`, {
    exit: denied ? exitCodes.denied : exitCodes.unavailable,
    next: denied
      ? 'Check that the AWS credentials may invoke the API, the region, and this machine’s clock.'
      : 'Check that this is the address of an Anima vault (`anima doctor`).',
  });
}

const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
