/** What a program needs of the system's libraries. */
export interface ElfNeeds {
  /** File names of the libraries, in the order of the loader. */
  readonly libraries: readonly string[];
  /** The symbol versions that are needed, by library: `GLIBC_2.28` … */
  readonly versions: ReadonlyMap<string, readonly string[]>;
}

/** elf.h */
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const DYNAMIC_BYTES = 16;

/**
 * Reads what a 64-bit little-endian ELF file needs, as described in elf(5).
 *
 * @throws RangeError if the file ends too early; Error if it is no such file
 */
export const elfNeeds = (bytes: Uint8Array): ElfNeeds => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) {
    throw new Error('expected a 64-bit little-endian ELF file');
  }
  const at64 = (offset: number): number => Number(view.getBigUint64(offset, true));
  const segments = Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const start = at64(32) + index * SEGMENT_BYTES;
    const type = view.getUint32(start, true);
    return { type, offset: at64(start + 8), address: at64(start + 16), size: at64(start + 32) };
  });
  /** The file offset of what is loaded at a virtual address. */
  const fileOffset = (address: number): number => {
    const holder = segments.find(
      ({ type, address: first, size }) => type === PT_LOAD && address >= first && address < first + size,
    );
    if (holder === undefined) throw new RangeError(`expected a segment with address ${address}`);
    return holder.offset + address - holder.address;
  };

  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return { libraries: [], versions: new Map() };
  const entries = Array.from({ length: Math.floor(dynamic.size / DYNAMIC_BYTES) }, (_, index) => {
    const start = dynamic.offset + index * DYNAMIC_BYTES;
    return { tag: at64(start), value: at64(start + 8) };
  });
  const valueWith = (tag: number): number => entries.find(entry => entry.tag === tag)?.value ?? 0;
  const strings = fileOffset(valueWith(DT_STRTAB));
  const text = (offset: number): string => {
    const end = bytes.indexOf(0, strings + offset);
    if (end < 0) throw new RangeError(`expected the end of the string at ${strings + offset}`);
    return Buffer.from(bytes.subarray(strings + offset, end)).toString('latin1');
  };

  const versions = new Map<string, readonly string[]>();
  const count = valueWith(DT_VERNEEDNUM);
  let need = count > 0 ? fileOffset(valueWith(DT_VERNEED)) : 0;
  for (let index = 0; index < count; index++) {
    const names: string[] = [];
    let version = need + view.getUint32(need + 8, true);
    for (let left = view.getUint16(need + 2, true); left > 0; left--) {
      names.push(text(view.getUint32(version + 8, true)));
      version += view.getUint32(version + 12, true);
    }
    versions.set(text(view.getUint32(need + 4, true)), names);
    need += view.getUint32(need + 12, true);
  }
  return {
    libraries: entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(value)),
    versions,
  };
};

/**
 * The newest of the needed versions with a prefix: `2.28` for `GLIBC_2.28`, `GLIBC_2.4`; undefined if there is none.
 */
export const newestVersion = ({ versions }: ElfNeeds, prefix: string): string | undefined =>
  [...versions.values()]
    .flat()
    .filter(name => name.startsWith(prefix) && /^[\d.]+$/.test(name.slice(prefix.length)))
    .map(name => name.slice(prefix.length))
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
    .at(-1);
