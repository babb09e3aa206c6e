/**
 * Lints the template of every combination of settings with cfn-lint, which knows the schemas of CloudFormation. Of all
 * but the first, it gets what the settings change and what that refers to, because a whole template takes it 10 seconds.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import { backgroundFunctions, routeGroups } from '../../contract/routes.ts';
import { changedTemplate } from './changed-template.ts';
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

type Template = Readonly<Record<string, unknown>>;

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

const lint = async (...files: string[]): Promise<Finding[]> => {
  const { code, stdout, output } = await runProgram(join(commands ?? '', 'cfn-lint'), [
    '--format',
    'json',
    '--',
    ...files,
  ]);
  if (stdout.trim() === '') throw new Error(`cfn-lint ended with ${code}: ${output}`);
  return JSON.parse(stdout);
};

/**
 * Writes what each template of a folder has that the first one of its name lacks.
 * @param fileOf the files by their content, so that none is linted twice
 */
function writeChanges(folder: string, bases: Map<string, Template>, fileOf: Map<string, string>): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.template.json'));
  return files.flatMap((file) => {
    const template: Template = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const base = bases.get(file) ?? {};
    if (!bases.has(file)) bases.set(file, template);
    const part = changedTemplate(template, base);
    if (part === undefined) return [];
    const text = JSON.stringify(part);
    const written = fileOf.get(text) ?? join(folder, `linted-${file}`);
    writeFileSync(written, text);
    fileOf.set(text, written);
    return [written];
  });
}

const describeFinding = ({ Rule, Message, Location }: Finding): string =>
  `${Rule.Id} ${Message} (${(Location.Path ?? []).join('/')})`;

describe.skipIf(commands === null)('cfn-lint', () => {
  const templates = new Map<string, string[]>();
  let findings: readonly Finding[] = [];

  beforeAll(async () => {
    const handlers = emptyHandlers();
    const fileOf = new Map<string, string>();
    const bases = new Map<string, Template>();
    for (const [index, [name, context]] of Object.entries(settingCombinations).entries()) {
      const outdir = join(scratch, `${index}`);
      vaultApp({ outdir, context, handlers }).synth();
      templates.set(name, writeChanges(outdir, bases, fileOf));
    }
    findings = await lint(...fileOf.values());
  }, 900_000);

  test.each(Object.keys(settingCombinations))('finds nothing in the template with the settings: %s', (name) => {
    const files = templates.get(name) ?? [];
    // Every combination but one changes something.
    expect(files.length).toBeGreaterThan(0);
    const found = findings.filter(({ Filename, Rule }) => files.includes(Filename) && !(Rule.Id in ignoredRules));
    expect(found.map(describeFinding)).toEqual([]);
  });

  test('finds an unknown property, so that an empty result means something', async () => {
    const [file = ''] = templates.get('defaults') ?? [];
    const template = JSON.parse(readFileSync(file, 'utf8'));
    const [id = ''] = Object.keys(template.Resources);
    template.Resources[id].Properties.NoSuchProperty = 1;
    const broken = join(scratch, 'broken.template.json');
    writeFileSync(broken, JSON.stringify(template));
    const found = await lint(broken);
    expect(found.map(({ Rule }) => Rule.Id)).toContain('E3002');
  });

  test.each(Object.keys(ignoredRules))('needs the exception for %s', (rule) => {
    process.stdout.write(`ignored rule of cfn-lint: ${rule}. ${ignoredRules[rule]}\n`);
    expect(findings.map(({ Rule }) => Rule.Id)).toContain(rule);
  });
});
