/**
 * A sample responder for testing. Its reply shows that it received the message and the conversation. It stores nothing.
 */
interface Request {
  readonly message: { readonly text: string };
  readonly history: readonly { readonly role: string }[];
}

export const handler = async ({ message, history }: Request): Promise<{ text: string } | null> => {
  if (message.text === '') return null;
  const count = history.filter(({ role }) => role === 'user').length + 1;
  return { text: `You said: ${message.text} (message ${count} of this conversation)` };
};
