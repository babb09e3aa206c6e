/**
 * Matches an event with a pattern of EventBridge, as far as this project uses them: texts, `prefix`, `wildcard`, `exists`,
 * and `anything-but` with a text or a wildcard. Throws for anything else.
 * Source: EventBridge user guide, "Creating Amazon EventBridge event patterns" and "Comparison operators".
 */
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const hasWildcardMatch = (pattern: string, value: unknown): boolean =>
  typeof value === 'string' &&
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[^\w]/g, '\\$&'))
      .join('.*')}$`,
    's',
  ).test(value);

const matchesValue = (alternative: unknown, value: unknown): boolean => {
  if (!isObject(alternative)) return alternative === value;
  const [[operator, operand] = []] = Object.entries(alternative);
  if (operator === 'exists') return (value !== undefined) === operand;
  if (operator === 'prefix') return typeof value === 'string' && value.startsWith(String(operand));
  if (operator === 'wildcard') return hasWildcardMatch(String(operand), value);
  if (operator !== 'anything-but') throw new Error(`the operator ${operator} is not supported`);
  // A field that is missing has no value that could differ.
  if (value === undefined) return false;
  return isObject(operand) ? !hasWildcardMatch(String(operand.wildcard), value) : value !== operand;
};

export const matchesPattern = (pattern: unknown, event: unknown): boolean => {
  if (Array.isArray(pattern)) return pattern.some((alternative) => matchesValue(alternative, event));
  if (!isObject(pattern)) throw new Error('a pattern must have lists of values');
  return Object.entries(pattern).every(([key, part]) => {
    // One element of a list in the event is enough.
    const containers = Array.isArray(event) ? event : [event];
    return containers.some((one) => matchesPattern(part, isObject(one) ? one[key] : undefined));
  });
};
