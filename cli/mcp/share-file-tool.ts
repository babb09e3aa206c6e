/** The tool that hands a file on: encrypted here, opened by whoever has the link that comes back. */
import * as z from 'zod';
import { mediaTypeOf } from '../blobs/media-types.ts';
import { openSharedFile } from './shared-folder.ts';
import type { Tool } from './tool-definition.ts';
import { ToolRefusal } from './tool-refusal.ts';

const input = z.strictObject({
  path: z.string().min(1).max(4096).describe('The file, relative to the folder that this server shares'),
  expiresIn: z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/)
    .default('7d')
    .describe('Until it can not be opened any more: 90s, 10m, 24h, 7d'),
  maxOpens: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('How often it can be opened; no limit unless told'),
  burn: z.boolean().default(false).describe('Can be opened once, and is destroyed when it was read'),
  name: z.string().min(1).max(255).optional().describe('Its name for who opens it; that of the file unless told'),
  type: z.string().min(1).max(255).optional().describe('Its media type; by its name unless told'),
});
const output = z.strictObject({
  link: z.string().describe('Whoever has it can open the file. Give it to nobody but who the file is for'),
  id: z.string().describe('What an admin deletes it by'),
  name: z.string(),
  type: z.string(),
  size: z.number().int(),
  expiresAt: z.string().optional(),
  burn: z.boolean(),
});

export const shareFile: Tool<typeof input, typeof output> = {
  name: 'share_file',
  title: 'Share a file',
  description:
    'Encrypts a file of the shared folder, uploads it, and returns a link that opens it in any browser. The link is a secret: it holds the key.',
  input,
  output,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  run: async ({ path, expiresIn, maxOpens, burn, ...told }, call, scope) => {
    const { share } = scope.settings;
    if (share === undefined) throw new ToolRefusal('This server shares no files');
    const client = await scope.client();
    const file = await openSharedFile(share, path);
    try {
      const { name = file.name } = told;
      const { type = mediaTypeOf(name) } = told;
      // The pattern of the schema is that of the client's type.
      const lasting = expiresIn as `${number}${'s' | 'm' | 'h' | 'd'}`;
      const options = { ...call, name, type, expiresIn: lasting, maxOpens, burn };
      const { url, id, size, expiresAt } = await client.blobs.put(file.pieces(), options);
      return { link: url, id, name, type, size, ...(expiresAt === undefined ? {} : { expiresAt }), burn };
    } finally {
      await file.close();
    }
  },
};
