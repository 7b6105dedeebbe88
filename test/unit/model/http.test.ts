import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { TroupeError } from '../../../src/core/index.ts';
import { type ChatRequest, HttpModel, type HttpModelOptions } from '../../../src/model/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';
import { chatServer, completion, json, type Reply } from './chat-server.ts';

const hello: ChatRequest = { messages: [{ role: 'user', content: 'hello' }] };
const limits = { timeoutMs: 10_000 };

async function ask(reply: Reply, more: Partial<HttpModelOptions> = {}, request = hello, idempotencyKey?: string) {
  await using server = await chatServer();
  server.reply(reply);
  const model = new HttpModel({ baseUrl: server.baseUrl, model: 'small-1', clock: new ManualClock(0), ...more });
  const outcome = await model.chat(request, { ...limits, idempotencyKey }).then(
    (answer) => ({ answer, error: undefined }),
    (error: unknown) => ({ answer: undefined, error }),
  );
  return { ...outcome, seen: server.seen };
}

describe('a request on the wire', () => {
  test('has the published form', async () => {
    const { seen } = await ask(
      completion({ content: 'ok' }),
      { apiKey: 'sk-1', headers: { 'x-team': 'audit' }, body: { seed: 7 } },
      {
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: 'weather?' },
          { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}' }] },
          { role: 'tool', toolCallId: 'c1', content: '22 C' },
        ],
        tools: [{ name: 'weather', parameters: { type: 'object', properties: {} } }],
        toolChoice: 'auto',
        outputTokensMax: 50,
        temperature: 0,
        stop: ['\n'],
      },
      'turn-1',
    );
    expect(seen[0]?.path).toBe('/v1/chat/completions');
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer sk-1',
      'content-type': 'application/json',
      'idempotency-key': 'turn-1',
      'x-team': 'audit',
    });
    expect(seen[0]?.body).toEqual({
      model: 'small-1',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'weather?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: '22 C' },
      ],
      tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }],
      tool_choice: 'auto',
      max_tokens: 50,
      temperature: 0,
      stop: ['\n'],
      seed: 7,
    });
  });

  test('goes to one address, however the base of it ends', async () => {
    await using server = await chatServer();
    server.reply(completion({ content: 'ok' }));
    await new HttpModel({ baseUrl: `${server.baseUrl}/`, model: 'm' }).chat(hello, limits);
    expect(server.seen[0]?.path).toBe('/v1/chat/completions');
  });

  test('names the token limit as the service does', async () => {
    const more = { tokensField: 'max_completion_tokens' } as const;
    const { seen } = await ask(completion({ content: 'ok' }), more, { ...hello, outputTokensMax: 5 });
    expect(seen[0]?.body).toMatchObject({ max_completion_tokens: 5 });
    expect(seen[0]?.body).not.toHaveProperty('max_tokens');
  });

  test('carries any key, also one that no header may hold', async () => {
    const { seen, answer } = await ask(completion({ content: 'ok' }), {}, hello, 'naïve\nkey');
    expect(answer?.message.content).toBe('ok');
    expect(seen[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('an answer on the wire', () => {
  test('is counted by us when the service does not count', async () => {
    const { answer } = await ask(completion({ content: 'x'.repeat(30) }, { usage: null }));
    expect(answer?.usage.outputTokens).toBe(10);
    expect(answer?.usage.inputTokens).toBeGreaterThan(3);
    expect(answer?.costMicroUsd).toBeUndefined();
  });

  test('that is a refusal says so', async () => {
    const { answer } = await ask(completion({ content: null, refusal: "I can't help with that." }));
    expect(answer).toMatchObject({ finishReason: 'content_filter', message: { content: "I can't help with that." } });
  });

  test('that ended for a reason we do not know is other', async () => {
    const choice = { message: { role: 'assistant', content: 'x' }, finish_reason: 'eos' };
    expect((await ask(json(200, { choices: [choice] }))).answer).toMatchObject({
      finishReason: 'other',
      model: 'small-1',
    });
  });

  test('may be compressed, and its limit counts what it unpacks to', async () => {
    const packed: Reply = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync('x'.repeat(1_000_000)));
    };
    const { error } = await ask(packed, { responseBytesMax: 100_000 });
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('over the limit closes its connection', async () => {
    await using server = await chatServer();
    server.reply((response) => {
      response.writeHead(200);
      response.write('x'.repeat(2_000));
      // It never ends: only the client can close.
    });
    const departed = server.departure();
    const model = new HttpModel({ baseUrl: server.baseUrl, model: 'm', responseBytesMax: 1_000 });
    await expect(model.chat(hello, limits)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE', retryable: false });
    await departed;
  });

  test.each([
    ['no JSON', (response) => response.end('<html>gateway</html>')],
    ['nothing', (response) => response.end()],
    ['no choices', json(200, { id: 'x', object: 'chat.completion', choices: [] })],
    ['an error with status 200', json(200, { error: { message: 'no such model' } })],
    ['a negative count', completion({ content: 'x' }, { usage: { prompt_tokens: -1, completion_tokens: 1 } })],
    ['a tool call without a function', completion({ tool_calls: [{ id: 'c', type: 'custom' }] })],
    ['null', json(200, null)],
  ] satisfies [string, Reply][])('that is %s is a violation', async (_, reply) => {
    expect((await ask(reply)).error).toMatchObject({ code: 'PROTOCOL_VIOLATION', retryable: false });
  });
});

describe('a failure on the wire', () => {
  const failure = { error: { message: 'the reason', type: 'some_error', param: null, code: null } };

  test.each([
    [400, 'INVALID_ARGUMENT'],
    [401, 'INVALID_ARGUMENT'],
    [404, 'INVALID_ARGUMENT'],
    [307, 'INVALID_ARGUMENT'],
    [408, 'TIMEOUT'],
    [429, 'OVERLOADED'],
    [500, 'NODE_UNAVAILABLE'],
    [503, 'NODE_UNAVAILABLE'],
    [504, 'TIMEOUT'],
    [529, 'NODE_UNAVAILABLE'],
  ])('%i is %s', async (status, code) => {
    const { error, seen } = await ask(json(status, failure, { location: '/elsewhere' }), { name: 'acme' });
    expect(error).toMatchObject({ code, address: 'acme', data: { status } });
    expect(String(error)).toContain('the reason');
    expect(seen).toHaveLength(1);
  });

  test('an empty account is no rate limit: waiting does not help', async () => {
    const quota = {
      message: 'You exceeded your current quota',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    };
    const { error } = await ask(json(429, { error: quota }, { 'retry-after': '1' }));
    expect(error).toMatchObject({ code: 'BUDGET_EXCEEDED', retryable: false });
  });

  test.each([
    [{ 'retry-after': '20' }, 20_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:01:30 GMT' }, 90_000],
    [{ 'retry-after': 'Wed, 31 Dec 1969 23:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('%o is a wait of %s ms', async (headers, retryAfterMs) => {
    const { error } = await ask(json(429, failure, headers as Record<string, string>));
    expect((error as { data: { retryAfterMs?: number } }).data.retryAfterMs).toBe(retryAfterMs);
  });

  test('a body that is no JSON, or endless, does not hide the status', async () => {
    const page: Reply = (response) => {
      response.writeHead(502);
      response.end('<html>'.repeat(10_000));
    };
    const { error } = await ask(page, { responseBytesMax: 1_000 });
    expect(error).toMatchObject({ code: 'NODE_UNAVAILABLE', data: { status: 502 } });
  });

  test('a long text is quoted in part', async () => {
    const { error } = await ask(json(400, { error: { message: 'x'.repeat(10_000) } }));
    expect(String(error).length).toBeLessThan(700);
  });

  test('a connection that is cut, in the head or in the body, is worth another try', async () => {
    const head: Reply = (response) => response.destroy();
    const body: Reply = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"choices":', () => response.destroy());
    };
    for (const reply of [head, body]) {
      expect((await ask(reply)).error).toMatchObject({
        code: 'NODE_UNAVAILABLE',
        retryable: true,
        data: { outcome: 'unknown' },
      });
    }
  });

  test('nobody listens', async () => {
    const server = await chatServer();
    await server[Symbol.asyncDispose]();
    for (const baseUrl of [server.baseUrl, server.baseUrl.replace('127.0.0.1', 'localhost')]) {
      const error: TroupeError = await new HttpModel({ baseUrl, model: 'm' }).chat(hello, limits).then(
        () => expect.unreachable(),
        (thrown: TroupeError) => thrown,
      );
      expect(error.message).toContain('ECONNREFUSED');
      // Nothing was sent, so the outcome isn't unknown.
      expect([error.code, error.data]).toEqual(['NODE_UNAVAILABLE', {}]);
    }
  });

  test('a call that is given up closes its connection', async () => {
    await using server = await chatServer();
    const controller = new AbortController();
    const model = new HttpModel({ baseUrl: server.baseUrl, model: 'm' });
    const arrived = server.arrival();
    const departed = server.departure();
    const failed = model.chat(hello, { ...limits, signal: controller.signal }).catch((error: unknown) => error);
    await arrived;
    controller.abort();
    await departed;
    expect(await failed).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('options', () => {
  test.each(['', 'example.com/v1', 'file:///etc/passwd'])(
    'an address that is no http address is refused: %s',
    (baseUrl) => {
      expect(() => new HttpModel({ baseUrl, model: 'm' })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    },
  );

  test('a key that no header may hold is refused, and not repeated', () => {
    const open = (): HttpModel => new HttpModel({ baseUrl: 'http://localhost', model: 'm', apiKey: 'secret\nkey' });
    expect(open).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(open).not.toThrow(/secret/);
    expect(open).not.toThrow(expect.objectContaining({ cause: expect.anything() }));
  });

  test('a model that is not in the price table has no price', () => {
    const prices = { other: { inputUsdPerMillion: 1, outputUsdPerMillion: 1 } };
    const priceOf = (model: string) => new HttpModel({ baseUrl: 'http://localhost', model, prices }).price;
    expect(priceOf('other')).toEqual(prices.other);
    expect(priceOf('toString')).toBeUndefined();
  });
});
