import { z } from 'zod'
import { defineOptions } from './options.ts'

/** Of whatever sends to or asks a server: which one, and the token it wants. */
export const serverOptions = defineOptions({
  server: {
    flag: '--server <url>',
    schema: z
      .url({ protocol: /^https?$/, error: 'expected an http or https address' })
      .transform((text) => new URL(text)),
    default: 'http://127.0.0.1:3526',
    help: 'The server to send to or to ask.',
  },
  token: {
    flag: '--token <token>',
    schema: z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'expected printable characters without spaces')
      .optional(),
    help: 'Token the server wants.',
    secret: true,
  },
})
