/** Text from the vault must not control the terminal that shows it, hide, or forge lines of this command. */
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatFacts, formatTable, formatTree } from '../../cli/shell/terminal-output.ts';
import {
  escapeContent,
  escapeForLine,
  escapeForTerminal,
  escapeJson,
  formatForTerminal,
  line,
  styled,
} from '../../cli/shell/terminal-text.ts';
import { problemTypePrefix } from '../../contract/shared/common-error-codes.ts';
import { sanitizeFileName } from '../../core/blobs/file-name.ts';
import { apiKey, serve } from '../sdk/fake-fetch.ts';
import { type CommandResult, runAnima, temporaryHome } from './in-process-cli.ts';

/** One of each kind: C0, C1, bidi controls and marks, zero width, separators, fillers, selectors, tags, private use. */
const hidden = [
  ...[
    '\u0000',
    '\u0007',
    '\b',
    '\t',
    '\n',
    '\r',
    '\u001b[2J',
    '\u007f',
    '\u0085',
    '\u009b31m',
    '\u009d',
    '\u00ad',
    '\u034f',
  ],
  ...[
    '\u061c',
    '\u115f',
    '\u180e',
    '\u200b',
    '\u200d',
    '\u200e',
    '\u200f',
    '\u2028',
    '\u2029',
    '\u202a',
    '\u202e',
    '\u2060',
  ],
  ...['\u2066', '\u2069', '\u206f', '\u3164', '\ufe0f', '\ufeff', '\uffa0', '\ufff9', '\uffff', '\ue000', '\u{e0001}'],
  ...['\u{e0020}', '\u{e0041}', '\u{e007f}', '\u{e0100}', '\u{f0000}'],
];
/** Found raw in an output, these are faults. Line ends are looked for separately. */
const raw = /(?!\n)\p{Cc}|\p{Cf}|\p{Co}|\p{Cn}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}/u;

describe('escaping', () => {
  test.each(hidden)('%j becomes visible in a line, a text and JSON', (character) => {
    expect(escapeForLine(`a${character}b`)).toMatch(/^a\\u(?:[0-9a-f]{4}|\{[0-9a-f]{5,6}\})/);
    expect(escapeForLine(`a${character}b`)).not.toMatch(raw);
    expect(escapeForTerminal(`a${character}b`)).not.toMatch(raw);
    const json = escapeJson(JSON.stringify({ [character]: character }));
    expect(json).not.toMatch(raw);
    expect(JSON.parse(json)).toEqual({ [character]: character });
    expect(sanitizeFileName(`a${character}b`)).not.toMatch(raw);
  });

  test('of any text leaves nothing hidden, and changes no character that is shown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        expect(escapeForLine(text)).not.toMatch(raw);
        expect(escapeForLine(text)).not.toContain('\n');
        expect(escapeForTerminal(text).split('\n')).toHaveLength(text.split('\n').length);
        expect(escapeContent(text).replaceAll('\t', '')).not.toMatch(raw);
        expect(JSON.parse(escapeJson(JSON.stringify(text)))).toBe(text);
      }),
      { numRuns: 2000 },
    );
    const shown = 'Grüße, ça va? 你好 שלום عليكم é 🌍 ├─ “’…” \\u0041 a_b-c/d@e';
    expect([escapeForLine(shown), escapeJson(shown), escapeContent(`\t${shown}\n`)]).toEqual([
      shown,
      shown,
      `\t${shown}\n`,
    ]);
  });

  test('applies to cells, facts, segments of a tree, and values in a line', () => {
    const odd = 'a\u001b[2J\nFORGED\u{e0041}';
    const visible = 'a\\u001b[2J\\u000aFORGED\\u{e0041}';
    expect(formatTable([[odd, odd]])).toBe(`${visible}  ${visible}`);
    expect(formatFacts([['x', odd]])).toBe(`x  ${visible}`);
    expect(formatTree([`${odd}/${odd}`])).toBe(`└─ ${visible}/\n   └─ ${visible}`);
    expect(line`x ${odd} ${1}.`).toBe(`x ${visible} 1.`);
  });

  test('styles come from this command alone: sequences within a text stay visible', () => {
    const paint = (style: string, text: string) => `<${style}>${text}</>`;
    expect(formatForTerminal(['a ', styled('red', 'b\u001b[0m'), ' \u001b[8mc'], paint)).toBe(
      'a <red>b\\u001b[0m</> \\u001b[8mc',
    );
  });
});

test('no file but these writes to a stream directly', () => {
  const files = readdirSync('cli', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/(?:^|\/)(?:node_modules|dist)\//.test(file))
    .filter((file) => {
      const text = readFileSync(join('cli', file), 'utf8');
      return /console\.|process\.std(?:out|err)|std(?:out|err)\b[^\n]{0,20}\.write\(|raw(?:Stdout|Stderr)\b/i.test(
        text,
      );
    });
  expect(files.toSorted()).toEqual([
    'commands/files/open.ts', // content of a file, escaped on a terminal
    'commands/values/edit.ts', // whether the editor gets the terminal
    'commands/values/export.ts', // commands for the runner of GitHub Actions
    'commands/values/git-credential.ts', // the protocol
    'main.ts', // the version
    'mcp/stdio-server.ts', // the protocol
    'node-shell.ts', // the printing methods themselves
    'processes/command-runner.ts', // streams of the started command
    'program.ts', // help and errors, escaped
    'sessions/chat/chat-input.ts', // what a person types
    'shell/progress-line.ts', // escaped
    'shell/prompts.ts', // escaped
    'shell/shell.ts', // the interface
    'shell/unsupported-node.ts', // a fixed text and a version
  ]);
});

describe('a vault whose every text is hostile', () => {
  const evil = `evil${hidden.join('')}\nFORGED line\n`;
  const value = { name: evil, version: 1, createdAt: evil, expiresAt: evil, metadata: { [evil]: evil } };
  const key = {
    ...{ id: evil, role: 'agent', name: evil, prefixes: [evil], createdAt: evil, lastUsedAt: evil, expiresAt: evil },
    key: evil,
  };
  const blob = {
    ...{
      id: evil,
      state: 'ready',
      size: 1,
      createdAt: evil,
      completedAt: evil,
      expiresAt: evil,
      openings: 1,
      burn: true,
    },
  };
  const deks = [{ version: 1, state: 'active', createdAt: evil }];
  const org = { org: evil, state: 'active', createdAt: evil, activeVersion: 1, deks };
  const progress = { counted: 1, total: 1, reencrypted: 1, damaged: 0, startedAt: evil, finishedAt: evil };
  const record = {
    ...{ id: evil, time: evil, org: evil, principal: evil, route: evil, verb: evil, name: evil, result: evil },
    ...{ requestId: evil, sourceIp: evil, viewerIp: evil, agent: evil, run: evil, toolCall: evil },
  };
  const shred = { org: evil, state: 'locked', receipts: [], final: false, shredAt: evil };
  const answers: Readonly<Record<string, object>> = {
    'GET /v1/vault/values': { values: [value] },
    'PUT /v1/vault/values/a': { ...value, name: 'a' },
    'GET /v1/vault/versions/a': { name: 'a', versions: [value] },
    'GET /v1/keys': { keys: [key, { ...key, id: 'fedcba9876543210' }] },
    'POST /v1/keys': key,
    'GET /v1/blobs': { blobs: [blob] },
    'GET /v1/blobs/01kasq3m5v8x0d4e6f7g8h9j0k': { ...blob, id: '01kasq3m5v8x0d4e6f7g8h9j0k' },
    'GET /v1/org': org,
    'GET /v1/audit': { records: [record] },
    'GET /v1/org/rotation': { rotation: { id: 1, state: 'done', to: 1, ...progress } },
    'GET /v1/org/shred': shred,
    'DELETE /v1/org/shred': { ...shred, state: 'active' },
  };
  /** Any other request is denied, with a hostile explanation. */
  const problem = {
    ...{
      type: `${problemTypePrefix}forbidden`,
      code: 'forbidden',
      title: evil,
      status: 403,
      requestId: evil,
      detail: evil,
    },
    errors: [{ path: evil, message: evil }],
  };
  let server: Server;
  let vault: Record<string, string>;
  const { env } = temporaryHome();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const found = answers[`${request.method} ${(request.url ?? '').replace(/\?.*$/, '')}`];
    response.writeHead(found === undefined ? 403 : 200, {
      'content-type': found === undefined ? 'application/problem+json' : 'application/json',
      'x-request-id': 'evil\u009b31m',
    });
    response.end(JSON.stringify(found ?? problem));
  };
  beforeAll(async () => {
    const served = await serve(handle);
    server = served.server;
    vault = { ...env, ANIMA_KEY: apiKey, ANIMA_URL: served.url, REFERENCE: 'anima://a' };
  });
  afterAll(() => server.close());

  const safe = ({ stdout, stderr }: CommandResult): void => {
    // Colours are this command's own; the test turns them off.
    expect(stdout + stderr).not.toMatch(raw);
    for (const text of (stdout + stderr).split('\n')) expect(text).not.toMatch(/^\s*FORGED/);
  };

  test.each<readonly string[]>([
    ['list'],
    ['list', '--tree'],
    ['keys', 'list'],
    ['blobs', 'list'],
    ['org'],
    ['whoami'],
    ['doctor'],
    ['audit', 'query'],
    ['rotate', 'status'],
    ['shred', 'status'],
    ['shred', 'cancel'],
    ['get', 'a'],
    ['versions', 'a'],
    ['set', 'a', '--drop-metadata'],
    ['delete', 'a'],
    ['destroy', 'a', '--yes'],
    ['blobs', 'info', '01kasq3m5v8x0d4e6f7g8h9j0k'],
    ['blobs', 'delete', '01kasq3m5v8x0d4e6f7g8h9j0k'],
    ['rotate'],
    ['export'],
    ['run', '--', 'true'],
    ['read', 'anima://a'],
    ['keys', 'create', '--role', 'agent'],
    ['import', '-', '--format', 'json'],
  ])('%s %s: nothing of it reaches a terminal, a pipe or JSON as it is', async (...words) => {
    const input = words[0] === 'import' ? '{"a": "b"}' : 'x';
    const shown: string[] = [];
    for (const terminal of [true, false]) {
      for (const json of [[], ['--json']]) {
        const at = words.indexOf('--');
        const all = at === -1 ? [...words, ...json] : [...words.slice(0, at), ...json, ...words.slice(at)];
        const result = await runAnima([...all.slice(0, 1), '--no-color', ...all.slice(1)], {
          env: vault,
          input,
          terminal,
        });
        safe(result);
        shown.push(result.stdout + result.stderr);
      }
    }
    expect(shown.join('')).toContain('evil\\u0000');
  });
});

describe('a value with control characters', () => {
  const value = 'tab\tline\nred\u001b[31m\u202ehidden\u{e0041}';
  const visible = 'tab\tline\nred\\u001b[31m\\u202ehidden\\u{e0041}';
  let server: Server;
  let vault: Record<string, string>;
  const { env } = temporaryHome();
  beforeAll(async () => {
    const answer = { name: 'a', version: 1, createdAt: '2026-11-21T03:00:00.000Z', metadata: {}, value };
    const served = await serve((_, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    });
    server = served.server;
    vault = { ...env, ANIMA_KEY: apiKey, ANIMA_URL: served.url };
  });
  afterAll(() => server.close());

  test.each([
    ['get', 'a'],
    ['read', 'anima://a'],
  ])('%s passes it on exactly to a pipe, and shows it with escapes on a terminal', async (...args) => {
    expect(await runAnima(args, { env: vault })).toEqual({ code: 0, stdout: value, stderr: '' });
    const { stdout, stderr } = await runAnima(args, { env: vault, terminal: true });
    expect(stdout).toBe(`${visible}\n`);
    expect(stderr).toContain('shown as escapes');
    const { stdout: json } = await runAnima([...args, '--json'], { env: vault, terminal: true });
    expect(JSON.parse(json)).toMatchObject({ value });
    expect(json.trimEnd()).not.toMatch(raw);
  });
});
