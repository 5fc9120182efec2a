import type { ByteCursor } from './byte-cursor.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { Field } from './field.ts';

/** The layout of a token behind its id byte. */
export interface TokenCodec<K extends string, V> {
  readonly id: number;
  readonly kind: K;
  /** @throws TokenFormatError */
  read(cursor: ByteCursor): V;
  /** @throws RangeError if a value does not fit its field */
  write(writer: ByteWriter, values: V): void;
  /** What `praudit -r` prints behind the id, in order. */
  print(values: V): readonly string[];
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of a token, inferred from its fields. */
export type FieldValues<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never;
};

/** A token whose fields follow each other in the order of `fields`, both on the wire and in print. */
export const token = <const K extends string, F extends Fields>(
  id: number,
  kind: K,
  fields: F,
): TokenCodec<K, FieldValues<F>> => {
  const entries = Object.entries(fields);
  return {
    id,
    kind,
    read: cursor => {
      const values: Record<string, unknown> = {};
      for (const [name, field] of entries) values[name] = field.read(cursor);
      return values as FieldValues<F>;
    },
    write: (writer, values) => {
      for (const [name, field] of entries) field.write(writer, values[name]);
    },
    print: values => entries.flatMap(([name, field]) => field.print(values[name])),
  };
};
