/** Installs the peers from npm. They are only in bench/package.json. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const folder = import.meta.dirname;

/** Installs the peers from bench/package-lock.json if they are missing. */
export function installPeers(): void {
  if (existsSync(`${folder}/node_modules`)) return;
  console.error('bench: installing the peers into bench/node_modules (npm ci --prefix bench) …');
  execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
