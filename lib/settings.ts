import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';

/** What a deployer may choose, by `cdk deploy --context key=value`; every key has a default. */
export interface Settings {
  /** Context `stage`, default `dev`: tells deployments of one account and region apart. */
  readonly stage: string;
  /** Context `name`, default `anima-vault`: with the stage the name of the stack and the alias of the KEK. */
  readonly name: string;
  /**
   * Context `corsOrigins`, comma-separated, default `*`: web pages that may call the API. `*` adds no authority: a
   * browser never adds an API key of its own accord, so a page can only use a key that it was given.
   */
  readonly corsOrigins: readonly string[];
  /** Context `logRetentionDays`, default 90: how long all logs are kept; one of the periods CloudWatch Logs knows. */
  readonly logRetention: RetentionDays;
}

const stagePattern = /^[a-z][a-z0-9-]{0,19}$/;
const namePattern = /^[a-z][a-z0-9-]{0,39}$/;

/** Finite periods only: an endless log would outlive every promise to delete. */
const retentionPeriods = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

/** Reads the settings from CDK context. Throws an error that names the key and what it may be. */
export const readSettings = (node: Node): Settings => ({
  stage: matching(node, 'stage', 'dev', stagePattern, '1 to 20 of a-z, 0-9 and -, beginning with a letter'),
  name: matching(node, 'name', 'anima-vault', namePattern, '1 to 40 of a-z, 0-9 and -, beginning with a letter'),
  corsOrigins: origins(contextText(node, 'corsOrigins', '*')),
  logRetention: retention(contextText(node, 'logRetentionDays', '90')),
});

/** Context holds strings from the command line and any JSON from cdk.json; only text and numbers can be meant here. */
const contextText = (node: Node, key: string, fallback: string): string => {
  const value: unknown = node.tryGetContext(key) ?? fallback;
  if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
  throw refused(key, JSON.stringify(value), 'a single text or number');
};

const matching = (node: Node, key: string, fallback: string, pattern: RegExp, allowed: string): string => {
  const value = contextText(node, key, fallback);
  if (!pattern.test(value)) throw refused(key, value, allowed);
  return value;
};

const origins = (list: string): string[] => {
  const found = list.split(',').map((origin) => origin.trim());
  if (found.length === 1 && found[0] === '*') return found;
  const bad = found.find((origin) => !isOrigin(origin));
  if (bad !== undefined) {
    throw refused('corsOrigins', bad, '* alone, or origins like https://app.example.com joined by commas');
  }
  return [...new Set(found)];
};

/** An origin as browsers send it (RFC 6454 section 6.2): scheme, host, port; no path, no slash at the end. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;

const retention = (days: string): RetentionDays => {
  const period = retentionPeriods.find((allowed) => String(allowed) === days);
  if (period === undefined) throw refused('logRetentionDays', days, `one of ${retentionPeriods.join(', ')}`);
  return period;
};

const refused = (key: string, value: string, allowed: string): Error =>
  new Error(
    `The context value ${key}="${value}" is not allowed; nothing was synthesized. ` +
      `Give ${allowed}: cdk deploy --context ${key}=…`,
  );
