/** All names of properties in a value, at every depth. Random ids are values, and can contain any short word. */
export const propertyNames = (value: unknown): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([name, inner]) => [
        ...(Array.isArray(value) ? [] : [name]),
        ...propertyNames(inner),
      ]);
