import type { PluginRow } from 'osquery-extension-ts';
import { ByteWriter } from 'osquery-extension-ts/encoded';

const VERSION_1_CALL = 0x80010001;
const T_STOP = 0;
const T_STRING = 11;
const T_MAP = 13;

const request = (method: string): ByteWriter => {
  const out = new ByteWriter(256);
  out.i32(VERSION_1_CALL | 0);
  out.string(method);
  out.i32(1);
  return out;
};

/** A `ping`, as it goes over the wire. */
export const encodePing = (): Buffer => {
  const out = request('ping');
  out.byte(T_STOP);
  return out.take();
};

/** A `call` of a plugin, as it goes over the wire. */
export const encodeCall = (registry: string, item: string, row: PluginRow): Buffer => {
  const out = request('call');
  for (const [index, value] of [registry, item].entries()) {
    out.byte(T_STRING);
    out.i16(index + 1);
    out.string(value);
  }
  out.byte(T_MAP);
  out.i16(3);
  out.byte(T_STRING);
  out.byte(T_STRING);
  const entries = Object.entries(row);
  out.i32(entries.length);
  for (const entry of entries) for (const text of entry) out.string(text);
  out.byte(T_STOP);
  return out.take();
};
