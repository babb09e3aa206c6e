/** Which modules of the AWS SDK the bundles of the functions hold, and which a cold start evaluates. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functionEnv } from '../../contract/shared/environment-variables.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bundled-sdk-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Makes the SDK's Lambda client report its evaluation. */
const reportEvaluation: Plugin = {
  name: 'report-evaluation',
  setup({ onLoad }) {
    onLoad({ filter: /client-lambda\/dist-es\/LambdaClient\.js$/ }, ({ path }) => ({
      contents: `globalThis.isSdkEvaluated = true;\n${readFileSync(path, 'utf8')}`,
    }));
  },
};

/** Bundles a function as lib/shared/handler-bundles.ts does. */
async function bundle(entry: string) {
  const outfile = join(folder, `${entry}.mjs`);
  const { metafile } = await build({
    entryPoints: [`lambdas/functions/${entry}.ts`],
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
    metafile: true,
    logLevel: 'silent',
    plugins: [reportEvaluation],
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const packages = inputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([input]) => /node_modules\/(@(?:aws-sdk|smithy)\/[^/]+)/.exec(input)?.[1] ?? '');
  // util-dynamodb converts items. It contains no client, and nothing of the SDK's core.
  return { outfile, packages: new Set(packages.filter((name) => name !== '' && name !== '@aws-sdk/util-dynamodb')) };
}

/** Imports a bundle in a process of its own, as a cold start does. */
function isSdkEvaluatedByImport(file: string): boolean {
  const settings = Object.fromEntries(Object.values(functionEnv).map((name) => [name, 'x']));
  const env = { ...settings, AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' };
  const code = `await import(${JSON.stringify(file)}); console.log(globalThis.isSdkEvaluated === true)`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

test.each(['reader', 'provider-secrets', 'admin', 'operator', 'memory', 'explainer'])(
  'the function %s holds no module of the AWS SDK',
  async (entry) => {
    expect((await bundle(entry)).packages).toEqual(new Set());
  },
);

test('the writer evaluates none at a cold start: the Lambda client is loaded when a rotation is due', async () => {
  const { outfile, packages } = await bundle('writer');
  expect(packages).toContain('@aws-sdk/client-lambda');
  expect(isSdkEvaluatedByImport(outfile)).toBe(false);
});

test('the same checks find the SDK in a function that needs it at once', async () => {
  const { outfile, packages } = await bundle('worker');
  expect(packages).toContain('@smithy/core');
  expect(isSdkEvaluatedByImport(outfile)).toBe(true);
});
