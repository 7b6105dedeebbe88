/** What must not compile, on topics from outside the cluster. */
import type { Cluster } from '../../src/index.ts';

interface Price {
  readonly name: string;
  readonly cents: number;
}

/** A topic takes and gives one type of message. */
export async function topics(cluster: Cluster): Promise<void> {
  const prices = cluster.topic<Price>('prices');
  const all: boolean = await prices.publish({ name: 'tea', cents: 120 });
  void all;
  // @ts-expect-error what is published has another type
  await prices.publish({ name: 'tea', cents: '120' });
  const subscription = await prices.subscribe(({ cents }: Price) => void cents.toFixed(), {
    onGap({ missed }) {
      // @ts-expect-error nobody may know how many
      const count: number = missed;
      void count;
    },
  });
  // @ts-expect-error the listener takes something else
  await prices.subscribe((text: string) => void text);
  await subscription.ended;
}
