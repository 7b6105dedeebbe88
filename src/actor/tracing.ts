import type { Span } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';

/** Starts the span of a message that is sampled. @param parent its W3C traceparent */
export function startProcessSpan<M>(cell: ActorCell<M>, parent: string): Span {
  const attributes = { 'messaging.destination.name': cell.path };
  return cell.kernel.tracer.start('process', { parent, kind: 'consumer', attributes });
}

/** Ends the span with the handler's outcome, now or when its promise settles. */
export function endWith(span: Span, outcome: unknown): void {
  if (outcome instanceof Promise) {
    outcome.then(
      () => span.end(),
      (error: unknown) => span.end(error),
    );
  } else {
    span.end();
  }
}
