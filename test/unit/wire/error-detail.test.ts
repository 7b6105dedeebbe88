import { describe, expect, test } from 'vitest';
import { ERROR_CODES, TroupeError, toWireError } from '../../../src/core/index.ts';
import type { ProtoGrpcType } from '../../../src/wire/generated/control.ts';
import { ERROR_TEXT_MAX, fromErrorDetail, loadProto, toErrorDetail } from '../../../src/wire/index.ts';

const { ErrorDetail } = loadProto<ProtoGrpcType>('troupe/v1/control.proto').troupe.v1;
const cross = (error: unknown): TroupeError =>
  fromErrorDetail(ErrorDetail.deserialize(ErrorDetail.serialize(toErrorDetail(error))));

describe('errors on the wire', () => {
  test('every code keeps code, message, address, data with its types, and cause', () => {
    for (const code of ERROR_CODES) {
      const error = new TroupeError(code, `about ${code}`, {
        address: 'node-1',
        data: { leader: 'node-2', term: 7, zero: 0, big: 2 ** 40, sure: true, not: false, empty: '' },
        cause: new RangeError('the cause'),
      });
      const back = cross(error);
      expect(toWireError(back)).toMatchObject({ ...toWireError(error), cause: { message: 'the cause' } });
      expect(back.retryable).toBe(error.retryable);
    }
  });

  test('what was never ours becomes HANDLER_FAILED, an unknown code PROTOCOL_VIOLATION', () => {
    expect(cross(new TypeError('x is not a function')).code).toBe('HANDLER_FAILED');
    expect(cross('just text').message).toBe('just text');
    expect(fromErrorDetail({ code: 'FROM_THE_FUTURE', message: 'm' }).code).toBe('PROTOCOL_VIOLATION');
    expect(fromErrorDetail({}).code).toBe('PROTOCOL_VIOLATION');
  });

  test('a long text is cut', () => {
    expect(cross(new TroupeError('TIMEOUT', 'x'.repeat(100_000))).message.length).toBe(ERROR_TEXT_MAX + 1);
  });
});
