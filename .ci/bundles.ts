/**
 * The gate of what is shipped, read from the built bundles: the functions' in the synthesized assembly (`npm run synth`
 * first), and the SDK as a browser would bundle it.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { groups } from '../contract/routes.ts';

const assembly = 'cdk.out';
/** A handler holds the AWS clients, zod/mini and middy: far above that, something else crept in. Bytes, minified or not. */
const handlerLimit = 2_500_000;
const sdkLimit = 15 * 1024;
/** Class names registered by jsii and paths kept by esbuild: they survive minification. */
const cdkMarks = ['aws-cdk-lib', '@aws-cdk/', 'jsii.rtti', 'constructs.Construct'];

const problems: string[] = [];

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const at = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined);
const entriesOf = (value: unknown): [string, unknown][] => (isRecord(value) ? Object.entries(value) : []);
const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/** Functions of all templates: logical id and the folder of its asset. Functions without an asset have none of our code. */
function functionFolders(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const file of globSync(`${assembly}/*.assets.json`)) {
    for (const [hash, asset] of entriesOf(at(readJson(file), 'files')))
      sources.set(hash, String(at(at(asset, 'source'), 'path')));
  }
  const folders = new Map<string, string>();
  for (const file of globSync(`${assembly}/*.template.json`)) {
    for (const [id, resource] of entriesOf(at(readJson(file), 'Resources'))) {
      if (at(resource, 'Type') !== 'AWS::Lambda::Function') continue;
      const hash = /"S3Key":"([0-9a-f]+)\.zip"/.exec(JSON.stringify(resource))?.[1] ?? '';
      folders.set(id, join(assembly, sources.get(hash) ?? `missing-asset-of-${id}`));
    }
  }
  return folders;
}

function checkHandler(id: string, folder: string): void {
  const files = globSync(`${folder}/**/*.{mjs,js,cjs}`);
  if (!existsSync(folder) || files.length === 0) {
    problems.push(`${id}: no bundle in ${folder}`);
    return;
  }
  for (const file of files) {
    const code = readFileSync(file, 'utf8');
    for (const mark of cdkMarks) if (code.includes(mark)) problems.push(`${id}: the bundle holds ${mark} (${file})`);
    if (code.length > handlerLimit) problems.push(`${id}: ${code.length} bytes, over ${handlerLimit} (${file})`);
    console.log(`bundles: ${id} ${(code.length / 1024).toFixed(0)} KiB`);
  }
}

async function checkSdk(): Promise<void> {
  const { outputFiles, metafile } = await build({
    entryPoints: ['sdk/src/index.ts'],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  const inputs = Object.keys(metafile.inputs);
  for (const input of inputs) {
    if (!/^(?:sdk\/src|contract|core)\//.test(input)) problems.push(`sdk: the bundle holds ${input}`);
  }
  for (const { imports } of Object.values(metafile.outputs)) {
    for (const { path } of imports) problems.push(`sdk: the bundle still imports ${path}`);
  }
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const size = gzipSync(code).length;
  // Less than that is no client: an entry that exports nothing would bundle to nothing and pass.
  if (size < 1024) problems.push(`sdk: ${size} bytes gzipped, which can't be the client`);
  if (size >= sdkLimit) problems.push(`sdk: ${size} bytes gzipped, the limit is ${sdkLimit}`);
  console.log(`bundles: sdk ${inputs.length} files, ${(size / 1024).toFixed(1)} KiB gzipped`);
}

const folders = functionFolders();
if (folders.size < groups.length) {
  problems.push(
    `${folders.size} functions found in ${assembly}, ${groups.length} are deployed: run npm run synth first`,
  );
}
for (const [id, folder] of folders) checkHandler(id, folder);
await checkSdk().catch((error: unknown) => problems.push(`sdk: could not be bundled for browsers: ${String(error)}`));

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
