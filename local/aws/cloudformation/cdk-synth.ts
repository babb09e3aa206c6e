/** Runs the CDK app named in cdk.json, with the same protocol as the CDK CLI (`cdk synth`). */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { errorMessageOf, LocalError } from '../shared/errors.ts';

const configSchema = z.object({ app: z.string(), context: z.record(z.string(), z.unknown()).default({}) });

/** Maximum length of the standard error output of the CDK app in the error message; the last part is kept. */
const maxStderr = 8_000;

/**
 * Synthesizes the app of `projectFolder` into `outputFolder`. Throws a LocalError with the app's standard error output
 * if the app fails. `settings` override the context of cdk.json; `signal` ends the app.
 */
export async function synthesize(
  projectFolder: string,
  outputFolder: string,
  settings: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<void> {
  const { app, context } = readConfig(projectFolder);
  const { code, stderr } = await runApp(app, projectFolder, signal, {
    CDK_OUTDIR: outputFolder,
    CDK_CONTEXT_JSON: JSON.stringify({ ...context, ...settings }),
  });
  if (code === 0) return;
  throw new LocalError(
    `The CDK app failed to synthesize (${app}, exit code ${code}). Nothing was started. Fix this error and start again:\n` +
      stderr.trim(),
  );
}

function readConfig(projectFolder: string): z.infer<typeof configSchema> {
  const path = join(projectFolder, 'cdk.json');
  try {
    return configSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new LocalError(
      `${path} is missing or invalid: ${errorMessageOf(error)}. Nothing was started. It must name the CDK app.`,
    );
  }
}

function runApp(
  app: string,
  cwd: string,
  signal: AbortSignal | undefined,
  settings: Record<string, string>,
): Promise<{ code: number | null; stderr: string }> {
  // Use the Node.js that runs this process: the first one in PATH might be too old to run TypeScript.
  const path = [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
  return new Promise((resolve, reject) => {
    const child = spawn(app, {
      cwd,
      shell: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...settings, PATH: path },
      ...(signal && { signal }),
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-maxStderr);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stderr }));
  });
}
