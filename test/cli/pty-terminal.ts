/** Runs a program in a pseudo-terminal, as a person at a terminal would. */
import { spawn } from '@lydell/node-pty';
import { onTestFinished } from 'vitest';
import { projectFolder } from '../shared/vault-process.ts';

export interface PtySession {
  readonly pid: number;
  /** All output so far. */
  readonly shown: () => string;
  /** Types text. */
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** Resolves when the output contains `text`. */
  until(text: string): Promise<void>;
  readonly ended: Promise<{ readonly code: number; readonly signal: number }>;
}

/** Starts a program in a new session whose controlling terminal is a new pseudo-terminal. */
export function openPty(file: string, args: readonly string[], env: Readonly<Record<string, string>>): PtySession {
  const child = spawn(file, [...args], { name: 'xterm', cols: 100, rows: 30, cwd: projectFolder, env: { ...env } });
  let output = '';
  const waiting = new Set<() => void>();
  child.onData((text) => {
    output += text;
    for (const check of waiting) check();
  });
  let isRunning = true;
  const ended = new Promise<{ code: number; signal: number }>((resolve) => {
    child.onExit(({ exitCode, signal = 0 }) => {
      isRunning = false;
      resolve({ code: exitCode, signal });
    });
  });
  onTestFinished(() => {
    if (isRunning) child.kill('SIGKILL');
  });
  return {
    pid: child.pid,
    shown: () => output,
    type: (text) => child.write(text),
    resize: (columns, rows) => child.resize(columns, rows),
    ended,
    until: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!output.includes(text)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
        void ended.then(() => reject(new Error(`it ended without ${text}: ${output}`)));
      }),
  };
}
