import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProcessEvent } from '../../src/audit/audit-event.ts';
import { ProcessBatchReader, ProcessBatchWriter } from '../../src/ingest/process-batch.ts';
import type { FileVersion } from '../../src/model/hash/file-version.ts';
import type { ModelEvent } from '../../src/model/model-event.ts';
import { exec } from '../model/process-events.ts';

interface Numbered {
  readonly event: ProcessEvent;
  readonly eid: number | undefined;
  readonly image: FileVersion | undefined;
}

const id = fc.integer({ min: 0, max: 4_294_967_295 });
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
/** Few different ones, so that some are the same. */
const text = fc.oneof(fc.constantFrom('', 'a', '/bin/sh'), fc.string({ unit: 'binary' }));

const event: fc.Arbitrary<ProcessEvent> = fc
  .record({
    action: fc.constantFrom('exec', 'fork', 'kill', 'exit'),
    seconds: id,
    milliseconds: fc.integer({ min: 0, max: 999 }),
    status: maybe(fc.integer({ min: 0, max: 200 })),
    pid: id,
    ppid: maybe(id),
    parent: maybe(id),
    uid: id,
    auid: id,
    ses: maybe(id),
    tty: maybe(text),
    comm: maybe(text),
    path: maybe(text),
    argv: maybe(fc.array(text, { maxLength: 5 })),
    node: maybe(text),
    names: maybe(
      fc
        .record({ user: maybe(text), login: maybe(text) })
        .filter(({ user, login }) => (user ?? login) !== undefined),
    ),
    files: fc.array(fc.record({ inode: maybe(text), dev: maybe(text) }), { maxLength: 3 }),
  })
  .map(({ action, files, ...facts }) => {
    const file = { mode: '0100755', ouid: 0, ogid: 0, name: 'x' };
    return { ...exec(), ...facts, action, files: files.map(one => ({ ...file, ...one })) };
  });

const image: fc.Arbitrary<FileVersion> = fc
  .record({ key: text, ctimeMs: fc.double({ noNaN: true }) })
  .map(facts => ({
    dev: 1n,
    inode: '1',
    size: 1,
    mtimeMs: 1,
    links: 1,
    ...facts,
  }));

const numbered: fc.Arbitrary<Numbered> = fc.record({
  event,
  eid: maybe(fc.integer({ min: 1 })),
  image: maybe(image),
});

/** What the other thread is to get. */
const sent = ({
  event: whole,
  eid,
  image: found,
}: Numbered): { event: ModelEvent; eid: number | undefined } => {
  const { action, seconds, milliseconds, status, pid, ppid, parent, uid, auid, ses } = whole;
  const { tty, comm, path, argv, node, names, files } = whole;
  return {
    event: {
      ...{ action, seconds, milliseconds, status, pid, ppid, parent, uid, auid, ses, tty, comm, path, argv },
      files: files.map(({ inode, dev }) => ({ inode, dev })),
      node,
      names: names && { user: names.user, login: names.login },
      image: found && { key: found.key, ctimeMs: found.ctimeMs },
    },
    eid,
  };
};

/** A writer, and what becomes of its batches in another thread. */
const pair = () => {
  const writer = new ProcessBatchWriter();
  const reader = new ProcessBatchReader();
  const received = () => {
    const events: { event: ModelEvent; eid: number | undefined }[] = [];
    const batch = writer.take();
    if (batch !== undefined)
      reader.read(structuredClone(batch), (one, eid) => events.push({ event: one, eid }));
    return events;
  };
  return { writer, reader, received };
};

describe('ProcessBatch', () => {
  it('brings events as they were, in order, batch after batch', () => {
    fc.assert(
      fc.property(fc.array(fc.array(numbered, { maxLength: 20 }), { maxLength: 3 }), batches => {
        const { writer, received } = pair();
        for (const events of batches) {
          for (const one of events) writer.append(one.event, one.eid, one.image);
          expect(received()).toStrictEqual(events.map(sent));
        }
      }),
    );
  });

  it('has room for many arguments', () => {
    const argv = Array.from({ length: 100_000 }, (_, i) => String(i % 1000));
    const { writer, received } = pair();
    for (const eid of [1, 2]) writer.append(exec({ argv }), eid);
    const events = received();
    expect(events.map(({ eid }) => eid)).toEqual([1, 2]);
    for (const one of events) expect(one.event.argv).toEqual(argv);
    expect(writer.take()).toBeUndefined();
  });

  it('sends a text once, but a long one each time', () => {
    const { writer } = pair();
    const long = 'x'.repeat(257);
    const texts = () => {
      writer.append(exec({ comm: 'a', path: '/bin/a', argv: ['a', long] }), 1);
      const { known, texts: shared, ownTexts } = writer.take()!;
      return { known, shared, ownTexts };
    };
    expect(texts()).toEqual({ known: 0, shared: ['a', '/bin/a'], ownTexts: [long] });
    expect(texts()).toEqual({ known: 2, shared: [], ownTexts: [long] });
  });

  it('brings texts as they were also after it has forgotten those it knew', () => {
    const { writer, received } = pair();
    for (let round = 0; round < 4; round++) {
      const argv = Array.from({ length: 3000 }, (_, i) => `${i % 2 === 0 ? round : 'again'} ${i}`);
      writer.append(exec({ argv }), round);
      expect(received()[0]!.event.argv).toEqual(argv);
    }
  });

  it('reads on behind a batch that was passed by', () => {
    const { writer, reader, received } = pair();
    writer.append(exec({ comm: 'a', argv: ['b'] }), 1);
    reader.read(structuredClone(writer.take()!));
    writer.append(exec({ comm: 'b', argv: ['a'] }), 2);
    expect(received()[0]!.event).toMatchObject({ comm: 'b', argv: ['a'] });
  });
});
