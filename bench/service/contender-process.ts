/**
 * One contender: loads a bundle and handles the same event many times. The process has no other work, so its CPU time is
 * that of the handler, and its garbage is collected before each turn.
 */

export interface Turn {
  readonly event: object;
  readonly count: number;
}

export interface TurnResult {
  /** CPU time of one event in µs. */
  readonly micros: number;
  readonly body: string;
}

const [, , bundle = '', status = ''] = process.argv;
const { handler }: { handler(event: object, context: object): Promise<{ statusCode: number; body: string }> } =
  await import(bundle);

async function handleTurn({ event, count }: Turn): Promise<TurnResult> {
  const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 15_000 };
  let body = '';
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const response = await handler(event, context);
    if (String(response.statusCode) !== status) throw new Error(`${response.statusCode} ${response.body}`);
    body = response.body;
  }
  const { user, system } = process.cpuUsage(before);
  return { micros: (user + system) / count, body };
}

process.on('message', (turn: Turn) => {
  handleTurn(turn).then(
    (result) => process.send?.(result),
    (error) => process.send?.({ failed: String(error) }),
  );
});
process.send?.({ ready: true });
