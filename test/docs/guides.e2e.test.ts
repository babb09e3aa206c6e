/**
 * Every command in the guides. Commands in `sh` blocks are run in order, as if pasted. AWS commands are only checked
 * for existence.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/shared/deployment-settings.ts';
import { runInProcess } from '../cli/command-runner.ts';
import { Terminal, writeInto } from '../cli/installed-packages.ts';
import { projectFolder } from '../shared/vault-process.ts';

// The last page shreds the organization.
const pages = ['mcp', 'guide-agent', 'guide-recipes', 'guide-devices', 'guide-operator', 'guide-admin'] as const;

/** The `anima dev` command, which the other commands need. */
const startsVault = 'anima dev --login\n';
/** The input typed when a command prompts. */
const typed = 'sk_live_typed-value\n';

interface Block {
  readonly kind: string;
  readonly code: string;
  readonly line: number;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(projectFolder, page === 'README' ? '' : 'docs', `${page}.md`), 'utf8');
  // Blocks in a list are indented.
  return [...text.matchAll(/^( *)```(\S*)\n([\s\S]*?)^\1```$/gm)].map(
    ([, indent = '', kind = '', code = ''], at, all) => ({
      kind,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line: text.slice(0, all[at]?.index).split('\n').length + 1,
    }),
  );
}

const terminal = new Terminal();
let url: string;

beforeAll(async () => {
  await Promise.all([terminal.installCli(), terminal.installSdk()]);
  ({ url } = await terminal.startVault(startsVault.trim()));
});
afterAll(async () => await terminal.end());

/**
 * The output of a block. Undefined for a block that is not a command, or that starts the vault. A block whose first
 * line names a file is written to that file.
 */
async function runBlock(page: string, { kind, code, line }: Block): Promise<string | undefined> {
  const [, file] = /^\/\/ (\S+\.m?js)\n/.exec(code) ?? [];
  if (file !== undefined) writeInto(terminal, file, code);
  if (!['sh', 'sh-checkout'].includes(kind) || code === startsVault) return undefined;
  const cwd = kind === 'sh' ? terminal.folder : projectFolder;
  // A reader's vault uses the default port.
  const ended = await terminal.run(code.replaceAll('http://127.0.0.1:8787', url), { input: typed, cwd });
  expect(ended, `${page}.md:${line}: ${code}`).toMatchObject({ code: 0 });
  return ended.output;
}

describe('every command of the guides does what it says', () => {
  test.each(pages)('docs/%s.md', async (page) => {
    // Each page uses a separate terminal.
    await terminal.run('unset ANIMA_KEY ANIMA_URL ANIMA_PROFILE');
    const said = new Map<string, string>();
    for (const block of blocksOf(page)) {
      const output = await runBlock(page, block);
      if (output !== undefined) said.set(block.code, output);
    }
    expect(said.size).toBeGreaterThan(2);
    for (const [command, expected] of promised[page]) {
      const [, output] = [...said].find(([code]) => code.includes(command)) ?? expect.fail(`no block has ${command}`);
      expect(output).toMatch(expected);
    }
  });
});

/** The output that a reader must see, with a command that identifies the block. */
const promised: Readonly<Record<(typeof pages)[number], readonly (readonly [string, RegExp])[]>> = {
  mcp: [
    ['anima mcp', /ready, run .*limited to prod\/stripe\//],
    ['--burn', /a chart\n/],
    ['mcp --memory', /ready, run .*, memory in mcp/],
  ],
  'guide-agent': [
    ['--dry-run', /DATABASE_URL +new\n[\s\S]*SMTP_PASSWORD +stored, new/],
    ['anima doctor', /ok/],
    ['node agent.mjs', /^a key of 19 characters\n$/],
    ['anima run', /the key is <concealed by anima>\n<concealed by anima>\n/],
    ['anima inject', /1 reference replaced/],
    ['anima mcp', /ready/],
    ['audit query', /prod\/stripe\/key/],
  ],
  'guide-recipes': [
    ["sh -c 'test -n", /level info/],
    ['evaluated', /evaluated\n/],
    ['DATABASE_URL=', /^db\n/m],
    ['--format docker', /Wrote 3 values to recipe\.list/],
    ['git credential fill', /username=ada/],
    ['anima ssh-add', /\(ED25519\)/],
    ['anima totp', /^\d{6}\n/m],
    ['commit -q -m leak', /file\.txt:1 +the value recipe\/SESSION_KEY/],
  ],
  'guide-devices': [
    ['device create', /label +laptop[\s\S]*Wrote the recovery code to recovery\.html/],
    ['records list', /The user likes tea/],
    ['node memory-agent.mjs join', /Added the device \S+ with the role data\./],
    ['node memory-agent.mjs recall', /^The user likes tea\n[\s\S]* agent +The user is allergic to nuts$/m],
    ['device remove', /agent[\s\S]*Removed the device/],
  ],
  'guide-operator': [
    ['npm start', /--object-port N/],
    ['anima whoami', /organization/],
  ],
  'guide-admin': [
    ['anima keys list', /checkout[\s\S]*importer|importer[\s\S]*checkout/],
    ['anima keys revoke', /Revoked the key/],
    ['anima rotate', /Rotation 1 is done[\s\S]*state +done/],
    ['anima audit verify', /records/],
    ['anima blobs', /ready[\s\S]*\/b\/[\s\S]*Deleted/],
    ['destroyed.jws --jwks', /customers\/4711/],
    ['anima shred cancel', /locked[\s\S]*active/],
    ['--receipt receipt.jws', /shredded/],
  ],
};

describe('commands that need AWS', () => {
  const lines = [...pages, 'rotation', 'README', 'incidents', 'recovery', 'upgrades'].flatMap((page) =>
    blocksOf(page)
      .filter(({ kind }) => kind === 'sh-aws')
      .flatMap(({ code }) => code.replaceAll('\\\n', ' ').trim().split('\n'))
      .flatMap((line) => line.split(' | ')),
  );
  const of = (program: string): string[] => lines.filter((line) => line.startsWith(program));

  test('are those of programs that are known here', () => {
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.filter((line) => !/^(?:npx cdk|anima|aws) /.test(line))).toEqual([]);
  });

  test('of anima exist, with their options', async () => {
    for (const line of of('anima ')) {
      const [, words = ''] = /^anima ((?:[a-z]+(?: |$))+)/.exec(line) ?? [];
      const { code, stdout } = await runInProcess([...words.trim().split(' '), '--help']);
      expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringContaining(`anima ${words.trim()}`)]);
      for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(stdout).toContain(option);
    }
  });

  test('of cdk exist, and every setting is one that the app takes', () => {
    const known = new Set(['bootstrap', 'diff', 'deploy', 'import']);
    for (const line of of('npx cdk ')) {
      expect(known).toContain(line.split(' ')[2]);
      const pairs = [...line.matchAll(/-c ([A-Za-z]+)=(\S+)/g)].map(
        ([, key = '', value = '']) => [key, value] as const,
      );
      const { node } = new App({ context: Object.fromEntries(pairs) });
      const asked = new Set<string>();
      const { tryGetContext } = node;
      node.tryGetContext = (key: string) => {
        asked.add(key);
        return tryGetContext.call(node, key);
      };
      readSettings(node);
      for (const [key] of pairs) expect(asked).toContain(key);
      // The table lists every setting and no others.
      const rows = readFileSync(join(projectFolder, 'docs', 'guide-operator.md'), 'utf8').matchAll(
        /^\| `([A-Za-z]+)` \|/gm,
      );
      expect([...rows].map(([, key]) => key).sort()).toEqual([...asked].sort());
    }
  });

  test('of aws are operations that its SDK has', async () => {
    const clients: Readonly<Record<string, () => Promise<object>>> = {
      dynamodb: () => import('@aws-sdk/client-dynamodb'),
      kms: () => import('@aws-sdk/client-kms'),
      lambda: () => import('@aws-sdk/client-lambda'),
      sqs: () => import('@aws-sdk/client-sqs'),
    };
    for (const line of of('aws ')) {
      const [, service = '', operation = ''] = line.split(' ');
      // The AWS SDK clients of these services are not installed here.
      if (service === 'cloudformation') expect(operation).toBe('describe-stacks');
      else if (service === 'cloudtrail') expect(operation).toBe('lookup-events');
      else if (service === 'sns') expect(operation).toBe('subscribe');
      else {
        const name = operation.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
        expect(await clients[service]?.()).toHaveProperty(`${name}Command`);
      }
    }
  });
});
