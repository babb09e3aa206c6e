/** The row of a route with its placeholders replaced. All ids have forms that need no encoding. */
export function routeRow<R extends { readonly path: string }>(
  row: R,
  parts: Readonly<Record<string, string | number>>,
): Omit<R, 'path'> & { readonly path: string } {
  const path = row.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts[name] ?? '')));
  return { ...row, path };
}
