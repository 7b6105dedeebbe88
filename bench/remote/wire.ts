/** One process of a pair: what it can send to the other one. */
export interface Wire {
  /** Where the other process of the pair reaches this one. */
  readonly address: string;
  /** Dials the other process, once. */
  connect(address: string): Promise<void>;
  /** Sends a message that nobody answers. False when the sender should wait for `writable`. */
  tell(body: Uint8Array): boolean;
  writable(): Promise<void>;
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
