import { fromWireError, type TroupeError, toWireError, type WireError } from '../core/index.ts';
import type { ErrorDetail, ErrorDetail__Output } from './generated/troupe/v1/ErrorDetail.ts';

/** Texts of errors are for people: what is longer is cut, UTF-16 code units. */
export const ERROR_TEXT_MAX = 8_192;

const clip = (text: string): string => (text.length <= ERROR_TEXT_MAX ? text : `${text.slice(0, ERROR_TEXT_MAX)}…`);

/** An error in the form of the core as the message of the protocol. Long texts are cut at ERROR_TEXT_MAX. */
export function wireErrorToDetail(wire: WireError): ErrorDetail {
  const data: Record<string, string> = {};
  const numbers: Record<string, number> = {};
  const flags: Record<string, boolean> = {};
  for (const [key, value] of Object.entries(wire.data ?? {})) {
    if (typeof value === 'string') data[key] = clip(value);
    else if (typeof value === 'number') numbers[key] = value;
    else flags[key] = value;
  }
  return {
    code: wire.code,
    message: clip(wire.message),
    address: wire.address ?? '',
    retryable: fromWireError(wire).retryable,
    data,
    numbers,
    flags,
    cause: clip(wire.cause?.message ?? ''),
    causeName: wire.cause?.name ?? '',
  };
}

/** The reverse of `wireErrorToDetail`. A code of a later version stays as it is until `fromWireError`. */
export function detailToWireError(detail: ErrorDetail__Output): WireError {
  const data = { ...detail.data, ...detail.numbers, ...detail.flags };
  return {
    code: (detail.code ?? '') as WireError['code'],
    message: detail.message ?? '',
    ...(detail.address ? { address: detail.address } : {}),
    ...(Object.keys(data).length === 0 ? {} : { data }),
    ...(detail.causeName ? { cause: { name: detail.causeName, message: detail.cause ?? '' } } : {}),
  };
}

/** Whatever was thrown, as the message of the protocol; a foreign error becomes HANDLER_FAILED. */
export function toErrorDetail(error: unknown): ErrorDetail {
  return wireErrorToDetail(toWireError(error));
}

/** The error that the message describes. A code that this version doesn't know becomes PROTOCOL_VIOLATION. */
export function fromErrorDetail(detail: ErrorDetail__Output): TroupeError {
  return fromWireError(detailToWireError(detail));
}
