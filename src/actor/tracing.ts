import type { Span } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import type { Context } from './context.ts';

/** Lets the actor receive a message, in a span of its own when it is sampled. @param parent its W3C traceparent, if it is */
export function receiveTraced<M>(
  cell: ActorCell<M>,
  context: Context<M>,
  message: M,
  parent: string | undefined,
): void | PromiseLike<void> {
  const span = parent === undefined ? undefined : startProcessSpan(cell, parent);
  context.traceparent = span?.traceparent;
  try {
    const outcome = context.behavior!.receive(message, context);
    if (span !== undefined) endWith(span, outcome);
    return outcome;
  } catch (error) {
    span?.end(error);
    throw error;
  }
}

function startProcessSpan<M>(cell: ActorCell<M>, parent: string): Span {
  const attributes = { 'messaging.destination.name': cell.path };
  return cell.kernel.tracer.start('process', { parent, kind: 'consumer', attributes });
}

/** Ends the span with the handler's outcome, now or when its promise settles. */
function endWith(span: Span, outcome: void | PromiseLike<void>): void {
  if (typeof outcome?.then === 'function') {
    Promise.resolve(outcome).then(
      () => span.end(),
      (error: unknown) => span.end(error),
    );
  } else {
    span.end();
  }
}
