/** Runs the CDK app that cdk.json names, by the protocol that the CDK CLI itself uses (`cdk synth`). */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { errorMessageOf, LocalError } from '../shared/errors.ts';

const configSchema = z.object({ app: z.string(), context: z.record(z.string(), z.unknown()).default({}) });

/** What the CDK app said on standard error is kept to this length for the error message. */
const maxStderr = 8_000;

/**
 * Synthesizes the app of `projectFolder` into `outputFolder`. Throws a LocalError with what the app said when it
 * fails. `settings` stand over the context of cdk.json; `signal` ends the app.
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
    `The CDK app did not synthesize (${app}, exit code ${code}). Nothing was started. Correct this and start again:\n` +
      stderr.trim(),
  );
}

function readConfig(projectFolder: string): z.infer<typeof configSchema> {
  const path = join(projectFolder, 'cdk.json');
  try {
    return configSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new LocalError(`${path} does not say how to run the CDK app: ${errorMessageOf(error)}. Nothing was started.`);
  }
}

function runApp(
  app: string,
  cwd: string,
  signal: AbortSignal | undefined,
  settings: Record<string, string>,
): Promise<{ code: number | null; stderr: string }> {
  // The Node that runs this, not whichever comes first in PATH, which may be too old to read TypeScript.
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
