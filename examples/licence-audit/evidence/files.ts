import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** What was read of a file that may be anything. */
export interface TextFile {
  readonly text: string;
  /** Set when only the beginning was read: says how much of how much. */
  readonly cut: string | undefined;
}

/** Why a file gave no text. */
export interface NoText {
  readonly problem: string;
}

const sampleBytes = 8 * 1024;
const MIB = 1024 * 1024;

/**
 * Reads at most `bytesMax` bytes of a text file. Never throws: a missing, unreadable or binary file is a problem in words.
 * Pipes and devices are not opened for reading, for they may never end.
 */
export async function readText(path: string, bytesMax: number): Promise<TextFile | NoText> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return { problem: 'is not a file' };
      const buffer = Buffer.allocUnsafe(Math.min(stat.size, bytesMax));
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      const text = decode(buffer.subarray(0, length));
      if (text === undefined) return { problem: 'is binary, not text' };
      return {
        text,
        cut: stat.size > bytesMax ? `only the first ${size(bytesMax)} of ${size(stat.size)} read` : undefined,
      };
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { problem: code === 'ENOENT' ? 'does not exist' : `can't be read${code === '' ? '' : ` (${code})`}` };
  }
}

function decode(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  const sample = bytes.subarray(0, sampleBytes);
  let control = 0;
  for (const byte of sample) {
    if (byte === 0) return undefined;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) control++;
  }
  if (control * 20 > sample.length) return undefined;
  return new TextDecoder('utf-8').decode(bytes);
}

function size(bytes: number): string {
  if (bytes < MIB) return `${Math.ceil(bytes / 1024)} KiB`;
  return `${(bytes / MIB).toFixed(bytes % MIB === 0 ? 0 : 1)} MiB`;
}
