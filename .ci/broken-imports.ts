/** Generates a tree that breaks every import rule once, to detect rules that report nothing. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Capabilities, cruise } from './cruise.ts';

/** For each rule that is not a capability row: a file, and an import that breaks the rule. */
const broken: readonly (readonly [file: string, target: string])[] = [
  ['core/encoding/broken.ts', 'bin/target.ts'],
  ['contract/shared/broken.ts', 'core/encoding/target.ts'],
  ['egress/rules/broken.ts', 'sdk/src/shared/target.ts'],
  ['lambdas/values/broken.ts', 'lambdas/values/stores/target.ts'],
  ['lambdas/aws/broken.ts', 'lambdas/values/target.ts'],
  ['lambdas/values/stores/broken.ts', 'lambdas/values/handlers/target.ts'],
  ['lambdas/middleware/broken.ts', 'lambdas/values/stores/target.ts'],
  ['lambdas/values/handlers/broken.ts', 'lambdas/values/stores/target.ts'],
  ['lambdas/functions/broken.ts', 'lambdas/aws/target.ts'],
  ['lambdas/compose/broken.ts', 'lambdas/values/handlers/target.ts'],
  ['lambdas/stray.ts', 'contract/shared/target.ts'],
  ['lib/shared/broken.ts', 'core/encoding/target.ts'],
  ['bin/broken.ts', 'local/target.ts'],
  ['sdk/src/shared/broken.ts', 'lib/shared/target.ts'],
  ['sdk/src/shared/broken.ts', 'core/hazmat/target.ts'],
  ['sdk/src/shared/broken.ts', 'contract/values/schemas.ts'],
  ['sdk/src/shared/broken.ts', 'sdk/src/langgraph/target.ts'],
  ['cli/shell/broken.ts', 'lambdas/values/target.ts'],
  ['viewer/src/broken.ts', 'contract/shared/target.ts'],
  ['viewer/src/broken.ts', 'node:fs'],
  ['local/broken.ts', 'core/encoding/target.ts'],
  ['local/aws/shared/broken.ts', 'contract/shared/target.ts'],
  ['core/encoding/broken.ts', 'test/target.ts'],
  ['core/encoding/broken.ts', 'node:fs'],
  ['core/encoding/broken.ts', 'aws-cdk-lib'],
  ['core/hazmat/broken.ts', 'node:fs'],
  ['contract/shared/broken.ts', 'node:fs'],
  ['contract/shared/broken.ts', 'a-dev-dependency'],
  ['lambdas/values/broken.ts', '@aws-sdk/client-kms'],
  ['test/cycle-a.ts', 'test/cycle-b.ts'],
  ['test/cycle-b.ts', 'test/cycle-a.ts'],
  ['test/broken.ts', 'test/nowhere.ts'],
];

/** For each capability row: an import of a sibling that the row does not allow. In addition, a folder without a row. */
function brokenRows(capabilities: Capabilities): [file: string, target: string][] {
  return Object.entries(capabilities).flatMap(([root, rows]) => {
    const fileOf = (name: string, base: string) => `${root}/${name.endsWith('.ts') ? name : `${name}/${base}.ts`}`;
    const breaks = Object.entries(rows).flatMap(([name, may]): [string, string][] => {
      const isNested = (other: string) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`);
      const other = Object.keys(rows).find((one) => one !== name && !may.includes(one) && !isNested(one));
      if (may.includes('*') || other === undefined) return [];
      return [[fileOf(name, 'broken-row'), fileOf(other, 'target')]];
    });
    return [...breaks, [`${root}/no-row-for-this/broken.ts`, fileOf(Object.keys(rows)[0] ?? '', 'target')]];
  });
}

/**
 * Returns the names of the rules that reported nothing, although the tree breaks each of them.
 * @param rules names of all rules
 */
export function silentRules(rules: readonly string[], capabilities: Capabilities): string[] {
  const tree = mkdtempSync(join(tmpdir(), 'broken-imports-'));
  try {
    const imports = new Map<string, string[]>();
    for (const [file, target] of [...broken, ...brokenRows(capabilities)]) {
      imports.set(file, [...(imports.get(file) ?? []), target]);
      if (target.endsWith('.ts') && target !== 'test/nowhere.ts') imports.set(target, imports.get(target) ?? []);
    }
    for (const [file, targets] of imports) write(tree, file, targets.map((target) => importOf(file, target)).join(''));
    for (const name of ['aws-cdk-lib', '@aws-sdk/client-kms', 'a-dev-dependency']) {
      write(tree, `node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
      write(tree, `node_modules/${name}/index.js`, '');
    }
    const dependencies = { 'aws-cdk-lib': '1.0.0', '@aws-sdk/client-kms': '1.0.0' };
    write(tree, 'package.json', JSON.stringify({ dependencies, devDependencies: { 'a-dev-dependency': '1.0.0' } }));
    const reported = new Set(cruise(tree).summary.violations.map(({ rule }) => rule.name));
    return rules.filter((name) => !reported.has(name));
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function importOf(file: string, target: string): string {
  if (!target.endsWith('.ts')) return `import '${target}';\n`;
  const path = relative(dirname(file), target);
  return `import '${path.startsWith('.') ? path : `./${path}`}';\n`;
}

function write(tree: string, file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), text === '' ? 'export {};\n' : text);
}
