/** Checks which part may import which: dependency-cruiser with .dependency-cruiser.mjs, and the rules that it cannot express. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

const rooms = [
  'bin',
  'lib',
  'contract',
  'core',
  'lambdas',
  'sdk/src',
  'cli',
  'viewer',
  'local',
  'test',
  'bench',
  '.ci',
];
/** Fewer than there ever were when this was written: a parser that silently reads nothing cruises 0 modules and is green. */
const fewestModules = 700;

interface Cruise {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly unknown[] }[];
  readonly summary: {
    readonly totalDependenciesCruised: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
      readonly cycle?: readonly { readonly name: string }[];
    }[];
  };
}

function cruise(): Cruise {
  const args = ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...rooms];
  const { stdout, stderr, error } = spawnSync('depcruise', args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
  if (error !== undefined || stdout === '') {
    throw new Error(`dependency-cruiser gave no result; no import was checked. ${error?.message ?? stderr}`);
  }
  return JSON.parse(stdout);
}

/** Stores and providers may import types only (the ports) from the rules. What is left once types are stripped is a run-time import. */
function storesThatRunRules(): string[] {
  return globSync('lambdas/*/{stores,providers}/**/*.ts').flatMap((file) => {
    const code = stripTypeScriptTypes(readFileSync(file, 'utf8'));
    return [...code.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g)]
      .map(([, specifier = '']) => join(dirname(file), specifier))
      .filter((target) => /^lambdas\/(?!aws\/)[^/]+\/[^/]+\.ts$/.test(target))
      .map((target) => `stores-see-ports-as-types: ${file} imports ${target} at run time`);
  });
}

/** Modules whose imports were not read although they have some: the parser failed on them without a word. */
function unread(modules: Cruise['modules']): string[] {
  return modules
    .filter(({ dependencies }) => dependencies.length === 0)
    .filter(({ source }) => /^(?:import|export)\s[^;]*?\sfrom\s+['"]/m.test(readFileSync(source, 'utf8')))
    .map(({ source }) => `unread: the imports of ${source} were not seen`);
}

const { modules, summary } = cruise();
// An import that resolves to nothing is listed as a module too: the rule `resolvable` is what reports it.
const ours = modules.filter(({ source }) => /^(?!node_modules).*\.ts$/.test(source) && existsSync(source));
const problems = [
  ...summary.violations.map(({ rule, from, to, cycle }) =>
    [`${rule.name}: ${from} → ${to}`, ...(cycle ?? []).map(({ name }) => name)].join(' → '),
  ),
  ...storesThatRunRules(),
  ...unread(ours),
];
if (ours.length < fewestModules)
  problems.push(`only ${ours.length} modules were read, at least ${fewestModules} exist`);

for (const problem of problems) console.error(problem);
console.log(
  `imports: ${ours.length} modules, ${summary.totalDependenciesCruised} imports, ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
