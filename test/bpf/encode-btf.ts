interface Member {
  readonly name: string;
  readonly type: number;
  readonly bits: number;
  /** Of a bit field. */
  readonly width?: number;
}

export type BtfType =
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly members: readonly Member[];
      readonly bitFields?: boolean;
    }
  | { readonly kind: 'enum'; readonly name: string; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: 'typedef' | 'const' | 'function'; readonly name: string; readonly type: number }
  | { readonly kind: 'proto'; readonly parameters: number };

const KINDS = { struct: 4, union: 5, enum: 6, typedef: 8, const: 10, function: 12, proto: 13 } as const;

/** BTF with these types, which are numbered from 1. */
export const encodeBtf = (types: readonly BtfType[]): Buffer => {
  let strings = '\0';
  const nameOf = (name: string): number => {
    if (name === '') return 0;
    strings += `${name}\0`;
    return strings.length - name.length - 1;
  };
  // Each string stands once, as in real BTF.
  const places = new Map<string, number>();
  const place = (name: string): number => {
    if (!places.has(name)) places.set(name, nameOf(name));
    return places.get(name)!;
  };
  const encoded = types.map(type => {
    const info = (KINDS[type.kind] << 24) >>> 0;
    switch (type.kind) {
      case 'struct':
      case 'union': {
        const members = type.members.flatMap(({ name, type: of, bits, width = 0 }) => [
          place(name),
          of,
          ((width << 24) | bits) >>> 0,
        ]);
        return [
          place(type.name),
          (info | type.members.length | (type.bitFields ? 0x8000_0000 : 0)) >>> 0,
          0,
          ...members,
        ];
      }
      case 'enum': {
        const values = Object.entries(type.values).flatMap(([name, value]) => [place(name), value]);
        return [place(type.name), info | (values.length / 2), 4, ...values];
      }
      case 'proto':
        return [0, info | type.parameters, 0, ...new Array(2 * type.parameters).fill(0)];
      default:
        return [place(type.name), info, type.type];
    }
  });
  const body = Buffer.from(Uint32Array.from(encoded.flat()).buffer);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header[2] = 1;
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(body.length, 12);
  header.writeUInt32LE(body.length, 16);
  header.writeUInt32LE(strings.length, 20);
  return Buffer.concat([header, body, Buffer.from(strings, 'latin1')]);
};
