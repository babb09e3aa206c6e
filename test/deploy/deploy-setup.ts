import type { TestProject } from 'vitest/node';
import { findPython, installPythonTools } from './python-tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the commands from PyPI; null if this machine has no Python, and the tests are skipped. */
    pythonCommands: string | null;
  }
}

/** Without Python the tests are skipped and counted as skipped. If Python exists, a failed installation fails the run. */
export async function setup(project: TestProject): Promise<void> {
  const python = await findPython();
  if (python === undefined) {
    process.stdout.write('Python 3.10 or newer with venv and pip was not found. The tests that need it are skipped.\n');
  }
  project.provide('pythonCommands', python === undefined ? null : await installPythonTools(python));
}
