import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server saw it. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** What the server does with a request; one that does nothing hangs. */
export type Reply = (response: ServerResponse, seen: Seen) => void;

/** A JSON reply. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** A completion in the published shape. */
export function completion(message: Record<string, unknown>, more: Record<string, unknown> = {}): Reply {
  return json(200, {
    id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
    object: 'chat.completion',
    created: 1_741_569_952,
    model: 'small-1-2026-01-01',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: null, refusal: null, annotations: [], ...message },
        logprobs: null,
        finish_reason: 'tool_calls' in message ? 'tool_calls' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: 19,
      completion_tokens: 10,
      total_tokens: 29,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0 },
    },
    service_tier: 'default',
    ...more,
  });
}

/** A chat-completions service on loopback whose replies a test chooses. */
export async function chatServer() {
  const seen: Seen[] = [];
  const replies: Reply[] = [];
  let arrived = (): void => {};
  let left = (): void => {};
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    const one: Seen = { path: request.url ?? '', headers: request.headers, body };
    response.on('close', () => left());
    seen.push(one);
    arrived();
    replies.shift()?.(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    seen,
    /** The next reply. */
    reply: (reply: Reply) => replies.push(reply),
    /** Settles when the next request is in. */
    arrival: () =>
      new Promise<void>((resolve) => {
        arrived = resolve;
      }),
    /** Settles when the next answer is sent, or its connection is gone. */
    departure: () =>
      new Promise<void>((resolve) => {
        left = resolve;
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
