import { describe, expect, test } from 'vitest';
import { TroupeError } from '../../../src/core/index.ts';
import { type ChatRequest, ScriptedModel } from '../../../src/model/index.ts';

const hello: ChatRequest = { messages: [{ role: 'user', content: 'hello' }] };
const limits = { timeoutMs: 1_000 };

describe('a scripted model', () => {
  test('answers from its list in order, throws what stands there, and says when it ends', async () => {
    const model = new ScriptedModel([
      'one',
      new TroupeError('OVERLOADED', 'busy'),
      { content: 'cut', finishReason: 'length' },
    ]);
    expect((await model.chat(hello, limits)).message.content).toBe('one');
    await expect(model.chat(hello, limits)).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(await model.chat(hello, limits)).toMatchObject({ finishReason: 'length', message: { content: 'cut' } });
    await expect(model.chat(hello, limits)).rejects.toMatchObject({ code: 'NOT_FOUND', retryable: false });
    expect(model.calls).toBe(4);
  });

  test('answers a request by a function of it, the same each time, usage and cost included', async () => {
    const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 2 };
    const script = ({ messages }: ChatRequest) => `You said: ${messages.at(-1)?.content}`;
    const answers = [1, 2].map(() => new ScriptedModel(script, { price }).chat(hello, limits));
    const [first, second] = await Promise.all(answers);
    expect(first?.message.content).toBe('You said: hello');
    expect(first?.usage.outputTokens).toBe(5);
    expect(first?.costMicroUsd).toBe((first?.usage.inputTokens ?? 0) + 10);
    expect(second).toEqual(first);
  });

  test('ends a call whose own script takes it back', async () => {
    const controller = new AbortController();
    const model = new ScriptedModel(() => {
      controller.abort();
      return new Promise<never>(() => {});
    });
    await expect(model.chat(hello, { ...limits, signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
