import type { Node } from 'constructs';

/**
 * Context values are strings from the command line or any JSON from cdk.json. Only strings and numbers are accepted.
 */
export const contextText = (node: Node, key: string, fallback: string): string => {
  const value: unknown = node.tryGetContext(key) ?? fallback;
  if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
  throw invalidSetting(key, JSON.stringify(value), 'a single text or number');
};

export const readMatching = (node: Node, key: string, fallback: string, pattern: RegExp, allowed: string): string => {
  const value = contextText(node, key, fallback);
  if (!pattern.test(value)) throw invalidSetting(key, value, allowed);
  return value;
};

/** A whole number in a range; undefined if the setting is not given. */
export const readNumber = (node: Node, key: string, min: number, max: number): number | undefined => {
  const text = contextText(node, key, '');
  if (text === '') return undefined;
  const value = Number(text);
  if (/^[0-9]{1,9}$/.test(text) && value >= min && value <= max) return value;
  throw invalidSetting(key, text, `a whole number from ${min} to ${max}`);
};

/** The parts of a comma-separated list, without empty ones. */
export const readList = (node: Node, key: string): string[] =>
  contextText(node, key, '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const invalidSetting = (key: string, value: string, allowed: string): Error =>
  new Error(
    `The context value ${key}="${value}" is not allowed. Nothing was synthesized. ` +
      `Give ${allowed}: cdk deploy --context ${key}=…`,
  );

/** A DNS name in lower case: labels of letters, digits and hyphens. */
export const domainPattern = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
