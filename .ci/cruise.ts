/** Runs dependency-cruiser with the rules of .dependency-cruiser.mjs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface Cruise {
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly { readonly resolved: string }[];
  }[];
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

/** Maps each top-level folder to its folders and files, and each of these to the siblings that it may import. */
export type Capabilities = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const configFile = resolve('.dependency-cruiser.mjs');
const folders = [
  'bin',
  'lib',
  'contract',
  'core',
  'egress',
  'lambdas',
  'sdk',
  'cli',
  'viewer',
  'local',
  'test',
  'bench',
  '.ci',
];

/** The names of all rules, and the rows of the capabilities. */
export async function readRules(): Promise<{ rules: readonly string[]; capabilities: Capabilities }> {
  const { default: config, capabilities } = await import(configFile);
  return { rules: config.forbidden.map(({ name }: { name: string }) => name), capabilities };
}

/** @param tree the folder whose imports are checked */
export function cruise(tree: string): Cruise {
  const present = folders.filter((folder) => existsSync(join(tree, folder)));
  const args = ['--config', configFile, '--output-type', 'json', ...present];
  const { stdout, stderr, error } = spawnSync('depcruise', args, {
    cwd: tree,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error !== undefined || stdout === '') {
    throw new Error(`dependency-cruiser gave no result; no import was checked. ${error?.message ?? stderr}`);
  }
  return JSON.parse(stdout);
}
