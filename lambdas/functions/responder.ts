/** A responder for trying things out. It shows that it was given message and conversation, and keeps nothing. */
interface Request {
  readonly message: { readonly text: string };
  readonly history: readonly { readonly role: string }[];
}

export const handler = async ({ message, history }: Request): Promise<{ text: string } | null> => {
  if (message.text === '') return null;
  const count = history.filter(({ role }) => role === 'user').length + 1;
  return { text: `You said: ${message.text} (message ${count} of this conversation)` };
};
