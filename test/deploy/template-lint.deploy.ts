/** Lints the template of every combination of settings with cfn-lint, which knows the schemas of CloudFormation. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import { backgroundFunctions, routeGroups } from '../../contract/routes.ts';
import { runProgram } from './run-program.ts';
import { settingCombinations } from './setting-combinations.ts';

/** Rules that are not applied, with the reason. Warnings of all other rules are errors. */
const ignoredRules: Readonly<Record<string, string>> = {
  W3005: 'CDK writes DependsOn although a reference in the same resource already has that effect. It is harmless.',
};

interface Finding {
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Filename: string;
  readonly Location: { readonly Path: readonly (string | number)[] | null };
}

const commands = inject('pythonCommands');
const scratch = mkdtempSync(join(tmpdir(), 'anima-lint-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Handlers without code: the linter reads only the template, and bundling is most of the time of a synthesis. */
function emptyHandlers(): string {
  const folder = join(scratch, 'handlers');
  mkdirSync(folder);
  for (const entry of [...routeGroups, ...backgroundFunctions]) {
    writeFileSync(join(folder, `${entry}.ts`), 'export const handler = async (): Promise<void> => {};\n');
  }
  return folder;
}

const lint = async (...args: string[]): Promise<Finding[]> => {
  const { code, stdout, output } = await runProgram(join(commands ?? '', 'cfn-lint'), ['--format', 'json', ...args]);
  if (stdout.trim() === '') throw new Error(`cfn-lint ended with ${code}: ${output}`);
  return JSON.parse(stdout);
};

const describeFinding = ({ Rule, Message, Location }: Finding): string =>
  `${Rule.Id} ${Message} (${(Location.Path ?? []).join('/')})`;

describe.skipIf(commands === null)('cfn-lint', () => {
  const templates = new Map<string, string[]>();
  let findings: readonly Finding[] = [];

  beforeAll(async () => {
    const handlers = emptyHandlers();
    for (const [name, context] of Object.entries(settingCombinations)) {
      const outdir = join(scratch, `${templates.size}`);
      vaultApp({ outdir, context, handlers }).synth();
      const files = readdirSync(outdir).filter((file) => file.endsWith('.template.json'));
      templates.set(
        name,
        files.map((file) => join(outdir, file)),
      );
    }
    const rules = Object.keys(ignoredRules).flatMap((rule) => ['--ignore-checks', rule]);
    findings = await lint(...rules, '--', ...[...templates.values()].flat());
  }, 900_000);

  test.each(Object.keys(settingCombinations))('finds nothing in the template with the settings: %s', (name) => {
    const files = templates.get(name) ?? [];
    expect(files.length).toBeGreaterThan(0);
    expect(findings.filter(({ Filename }) => files.includes(Filename)).map(describeFinding)).toEqual([]);
  });

  test('finds an unknown property, so that an empty result means something', async () => {
    const [file = ''] = templates.get('defaults') ?? [];
    const template = JSON.parse(readFileSync(file, 'utf8'));
    const [id = ''] = Object.keys(template.Resources);
    template.Resources[id].Properties.NoSuchProperty = 1;
    const broken = join(scratch, 'broken.template.json');
    writeFileSync(broken, JSON.stringify(template));
    const found = await lint('--', broken);
    expect(found.map(({ Rule }) => Rule.Id)).toContain('E3002');
  });

  test('needs each ignored rule', async () => {
    const files = [...templates.values()].flatMap(([file]) => file ?? []).slice(0, 1);
    const found = new Set((await lint('--', ...files)).map(({ Rule }) => Rule.Id));
    expect(Object.keys(ignoredRules).filter((rule) => !found.has(rule))).toEqual([]);
  });
});
