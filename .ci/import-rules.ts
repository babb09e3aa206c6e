/**
 * Checks the import rules: runs dependency-cruiser with .dependency-cruiser.mjs, and checks the rules that it cannot
 * express.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { silentRules } from './broken-imports.ts';
import { type Capabilities, type Cruise, cruise, readRules } from './cruise.ts';

/**
 * A parser that silently fails finds 0 modules and no problems, so a minimum is required. There were 867 modules when
 * this was written.
 */
const fewestModules = 800;

/**
 * Stores and providers may import only types (the ports) from the rules. An import that remains after types are
 * stripped is a run-time import.
 */
function storesThatRunRules(): string[] {
  return globSync('lambdas/*/{stores,providers}/**/*.ts').flatMap((file) => {
    const code = stripTypeScriptTypes(readFileSync(file, 'utf8'));
    return [...code.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g)]
      .map(([, specifier = '']) => join(dirname(file), specifier))
      .filter((target) => /^lambdas\/(?!aws\/)[^/]+\/[^/]+\.ts$/.test(target))
      .map((target) => `stores-see-ports-as-types: ${file} imports ${target} at run time`);
  });
}

/** Modules that have imports, although none was found: the parser failed on them without an error. */
function unread(modules: Cruise['modules']): string[] {
  return modules
    .filter(({ dependencies }) => dependencies.length === 0)
    .filter(({ source }) => /^(?:import|export)\s[^;]*?\sfrom\s+['"]/m.test(readFileSync(source, 'utf8')))
    .map(({ source }) => `unread: no import of ${source} was found`);
}

/** Rows that name a row below themselves, which allows a cycle, and entries of rows that no import uses. */
function staleRows(capabilities: Capabilities, modules: Cruise['modules']): string[] {
  return Object.entries(capabilities).flatMap(([root, rows]) => {
    const names = Object.keys(rows);
    const isIn = (file: string, name: string) =>
      name.endsWith('.ts') ? file === `${root}/${name}` : file.startsWith(`${root}/${name}/`);
    const isUsed = (from: string, to: string) =>
      modules.some(
        ({ source, dependencies }) => isIn(source, from) && dependencies.some(({ resolved }) => isIn(resolved, to)),
      );
    const problemOf = (name: string, other: string): string | undefined => {
      if (other === '*') return undefined;
      if (!names.includes(other)) return `${root}/${name}: there is no row ${other}`;
      if (names.indexOf(other) > names.indexOf(name)) return `${root}/${name} names ${other}, a row below it`;
      return isUsed(name, other) ? undefined : `${root}/${name} does not import ${other}: remove it from the row`;
    };
    return Object.entries(rows).flatMap(([name, may]) => may.flatMap((other) => problemOf(name, other) ?? []));
  });
}

const { rules, capabilities } = await readRules();
const { modules, summary } = cruise('.');
// An import that cannot be resolved is also listed as a module. The rule `resolvable` reports it.
const ours = modules.filter(({ source }) => /^(?!node_modules).*\.ts$/.test(source) && existsSync(source));
const problems = [
  ...summary.violations.map(({ rule, from, to, cycle }) =>
    [`${rule.name}: ${from} → ${to}`, ...(cycle ?? []).map(({ name }) => name)].join(' → '),
  ),
  ...storesThatRunRules(),
  ...unread(ours),
  ...staleRows(capabilities, ours),
  ...silentRules(rules, capabilities).map((name) => `${name} reported nothing, although the test tree breaks it`),
];
if (ours.length < fewestModules) {
  problems.push(`only ${ours.length} modules were read, at least ${fewestModules} exist`);
}

for (const problem of problems) console.error(problem);
console.log(
  `imports: ${ours.length} modules, ${summary.totalDependenciesCruised} imports, ${rules.length} rules, ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
