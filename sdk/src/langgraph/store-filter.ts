/** Filters of `BaseStore.search`: values, or objects of operators, by member. */

type Compare = (value: unknown, operand: unknown) => boolean;

const operators: Readonly<Record<string, Compare>> = {
  $eq: (value, operand) => value === operand,
  $ne: (value, operand) => value !== operand,
  $gt: (value, operand) => Number(value) > Number(operand),
  $gte: (value, operand) => Number(value) >= Number(operand),
  $lt: (value, operand) => Number(value) < Number(operand),
  $lte: (value, operand) => Number(value) <= Number(operand),
  $in: (value, operand) => Array.isArray(operand) && operand.includes(value),
  $nin: (value, operand) => !Array.isArray(operand) || !operand.includes(value),
};

const hasOperators = (wanted: unknown): wanted is Record<string, unknown> =>
  typeof wanted === 'object' && wanted !== null && Object.keys(wanted).every((name) => Object.hasOwn(operators, name));

/** Whether an item meets a filter, with the semantics of LangGraph's InMemoryStore. */
export const meetsFilter = (item: Readonly<Record<string, unknown>>, filter: Readonly<Record<string, unknown>>) =>
  Object.entries(filter).every(([name, wanted]) => {
    const value = item[name];
    if (!hasOperators(wanted)) return value === wanted;
    return Object.entries(wanted).every(([operator, operand]) => operators[operator]?.(value, operand) === true);
  });

type Scalar = string | number | boolean | null;

const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);

/** The conditions that the vault can check by its index: members with one value. */
export function indexedConditions(
  filter: Readonly<Record<string, unknown>>,
  indexed: readonly string[],
): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(filter).flatMap(([name, wanted]) => {
      const value = hasOperators(wanted) ? wanted.$eq : wanted;
      return indexed.includes(name) && isScalar(value) ? [[name, value] as const] : [];
    }),
  );
}
