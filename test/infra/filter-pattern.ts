/**
 * Evaluates filter patterns of CloudWatch Logs for JSON, as far as this project uses them: comparisons of a field with
 * a text (`*` matches anything) or a number, joined by `&&`, `||` and parentheses. Throws for anything else.
 * Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters".
 */
type Token = string;

const tokenPattern = /\s*(\|\||&&|[(){}]|\$(?:\.\w+)+|>=|<=|!=|=|>|<|"[^"]*"|-?\d+(?:\.\d+)?)/y;

const tokenize = (pattern: string): Token[] => {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < pattern.trimEnd().length) {
    const found = tokenPattern.exec(pattern);
    if (found?.[1] === undefined) throw new Error(`unknown syntax in the pattern ${pattern}`);
    tokens.push(found[1]);
  }
  return tokens;
};

/** The value of a field selector such as `$.reason`; undefined if the line lacks it. */
export const selectField = (line: unknown, selector: string): unknown =>
  selector
    .split('.')
    .slice(1)
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
      line,
    );

const compare = (value: unknown, operator: Token, operand: Token): boolean => {
  if (operand.startsWith('"')) {
    if (typeof value !== 'string' || operator !== '=') return false;
    const parts = operand.slice(1, -1).split('*');
    return new RegExp(`^${parts.map((part) => part.replace(/[^\w]/g, '\\$&')).join('.*')}$`, 's').test(value);
  }
  if (typeof value !== 'number') return false;
  const number = Number(operand);
  if (operator === '=') return value === number;
  if (operator === '>=') return value >= number;
  if (operator === '>') return value > number;
  throw new Error(`the operator ${operator} is not supported for numbers`);
};

export const matchesFilter = (pattern: string, line: unknown): boolean => {
  const tokens = tokenize(pattern);
  const expect = (token: Token): void => {
    if (tokens.shift() !== token) throw new Error(`the pattern ${pattern} has no ${token} where it must`);
  };
  const term = (): boolean => {
    if (tokens[0] === '(') {
      expect('(');
      const inner = anyOf();
      expect(')');
      return inner;
    }
    const [selector = '', operator = '', operand = ''] = tokens.splice(0, 3);
    if (!selector.startsWith('$.')) throw new Error(`the pattern ${pattern} compares no field`);
    return compare(selectField(line, selector), operator, operand);
  };
  const chain = (operator: Token, next: () => boolean, join: (a: boolean, b: boolean) => boolean): boolean => {
    let result = next();
    while (tokens[0] === operator) {
      tokens.shift();
      result = join(next(), result);
    }
    return result;
  };
  const allOf = () => chain('&&', term, (a, b) => a && b);
  const anyOf = () => chain('||', allOf, (a, b) => a || b);
  expect('{');
  const result = anyOf();
  expect('}');
  return result;
};
