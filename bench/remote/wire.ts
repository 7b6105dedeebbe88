/** One process of a pair: what it can send to the other one. */
export interface Wire {
  /** Where the other process of the pair reaches this one. */
  readonly address: string;
  /** Tells of the other process, once. */
  connect(address: string): Promise<void>;
  /** Makes ready to send; both processes have been told. */
  find(): Promise<void>;
  /** Sends a message that nobody answers. */
  tell(body: Uint8Array): void;
  /** The same, but waits while the way there is full. */
  offer(body: Uint8Array): Promise<void>;
  /** Sends a message that comes back. */
  ask(body: Uint8Array): Promise<Uint8Array>;
  /** What has arrived here since this was read last. */
  arrived(): Arrived;
}

/** What a receiver has counted. */
export interface Arrived {
  readonly messages: number;
  readonly bytes: number;
}
