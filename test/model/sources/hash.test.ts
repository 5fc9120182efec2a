import { describe, expect, it } from 'vitest';
import { EventModel } from '../../../src/model/event-model.ts';
import type { Digests } from '../../../src/model/hash/digests.ts';
import type { DigestRequest, HashClient } from '../../../src/model/hash/hash-client.ts';
import { createImage } from '../../../src/model/process/image.ts';
import { ProcessTree } from '../../../src/model/process/process-tree.ts';
import { hashSource } from '../../../src/model/sources/hash.ts';
import { parentHashSource } from '../../../src/model/sources/parent-hash.ts';
import { processTreeSource } from '../../../src/model/sources/process-tree.ts';
import { FakeClock, settled } from '../fake-clock.ts';
import { exec, exit, fork } from '../process-events.ts';

const digests = (name: string): Digests => ({ md5: `md5 of ${name}`, sha256: `sha256 of ${name}` });

const setUp = () => {
  const asked: DigestRequest[] = [];
  const remembered = new Map<string, Digests>();
  const answers = new Map<string | undefined, ReturnType<HashClient['digest']> | Digests>();
  const hasher: Pick<HashClient, 'digest' | 'recall'> = {
    digest: request => {
      asked.push(request);
      const answer = answers.get(request.path);
      return answer && Promise.resolve(answer);
    },
    recall: ({ key }) => remembered.get(key),
  };
  const clock = new FakeClock();
  const tree = new ProcessTree(undefined);
  const emitted: Record<string, unknown>[] = [];
  const model = new EventModel({
    sources: [
      processTreeSource({ tree, clock, forkEvents: true }),
      hashSource(hasher),
      parentHashSource(hasher, clock),
    ],
    wanted: ['process_md5', 'process_sha256', 'parent_process_md5', 'parent_process_sha256'],
    clock,
    emit: ({ fields }) => emitted.push(fields as Record<string, unknown>),
  });
  return { asked, answers, remembered, clock, model, emitted };
};

const started = async () => {
  const set = setUp();
  await set.model.start();
  return set;
};

describe('hashes', () => {
  it('are those of what ran and of what the parent ran', async () => {
    const { model, answers, emitted, asked } = await started();
    answers.set('/bin/sh', digests('sh'));
    answers.set('/bin/true', digests('true'));
    model.offer(exec({ pid: 10, path: '/bin/sh' }));
    model.offer(exec({ pid: 11, ppid: 10, path: '/bin/true', at: 5 }));
    await settled();
    expect(emitted[1]).toMatchObject({
      process_md5: 'md5 of true',
      process_sha256: 'sha256 of true',
      parent_process_md5: 'md5 of sh',
      parent_process_sha256: 'sha256 of sh',
    });
    // The parent's are those of its own exec.
    expect(asked.map(({ path }) => path)).toEqual(['/bin/sh', '/bin/true']);
  });

  it('are not asked for again of a file that was looked at and is known', async () => {
    const { model, answers, remembered, emitted, asked } = await started();
    answers.set('/bin/new', digests('new'));
    remembered.set('known', digests('sh'));
    model.offer(exec({ pid: 10, path: '/bin/sh', image: { key: 'known', ctimeMs: 0 } }));
    model.offer(exec({ pid: 11, ppid: 10, path: '/bin/new', at: 5, image: { key: 'new', ctimeMs: 0 } }));
    await settled();
    expect(emitted[0]).toMatchObject({ process_md5: 'md5 of sh', process_sha256: 'sha256 of sh' });
    expect(emitted[1]).toMatchObject({ process_md5: 'md5 of new', parent_process_md5: 'md5 of sh' });
    expect(asked.map(({ path }) => path)).toEqual(['/bin/new']);
  });

  it("are waited for once: parent and child share the parent's", async () => {
    const { model, answers, emitted } = await started();
    const sh = Promise.withResolvers<Digests | undefined>();
    answers.set('/bin/sh', sh.promise);
    answers.set('/bin/true', digests('true'));
    model.offer(exec({ pid: 10, path: '/bin/sh' }));
    model.offer(exec({ pid: 11, ppid: 10, path: '/bin/true', at: 5 }));
    expect(emitted).toEqual([]);
    sh.resolve(digests('sh'));
    await settled();
    expect(emitted[0]).toMatchObject({ process_md5: 'md5 of sh' });
    expect(emitted[1]).toMatchObject({ process_md5: 'md5 of true', parent_process_md5: 'md5 of sh' });
  });

  it('of a slow file come with later events, not with those that waited too long', async () => {
    const { model, answers, emitted, clock } = await started();
    const sh = Promise.withResolvers<Digests | undefined>();
    answers.set('/bin/sh', sh.promise);
    model.offer(exec({ pid: 10, path: '/bin/sh' }));
    await clock.advance(250);
    expect(emitted[0]).toMatchObject({ process_md5: undefined });
    sh.resolve(digests('sh'));
    await settled();
    model.offer(exec({ pid: 11, ppid: 10, path: '/bin/gone', at: 255 }));
    expect(emitted[1]).toMatchObject({ parent_process_md5: 'md5 of sh' });
    expect(emitted[1]).toMatchObject({ process_md5: undefined });
  });

  it('are asked for with what was recorded', async () => {
    const { model, asked } = await started();
    const files = [
      { name: '/x', inode: '1', dev: 'fd:00', mode: undefined, ouid: undefined, ogid: undefined },
    ];
    model.offer(exec({ pid: 10, at: 3, path: '/bin/sh' }));
    model.offer(fork(11, 10, 4));
    model.offer(exit(11, 6));
    model.offer(exec({ pid: 11, ppid: 10, at: 5, path: '/x', files }));
    const { isSameExec, process, ...request } = asked[1]!;
    expect(process).toMatchObject({ startMs: Date.UTC(2024, 4, 21, 12) + 4 });
    expect(request).toEqual({
      pid: 11,
      path: '/x',
      files,
      execMs: Date.UTC(2024, 4, 21, 12) + 5,
      ended: true,
      neighbour: 10,
      owner: asked[0]!.owner,
    });
    // Nobody has counted its execs.
    expect(isSameExec()).toBe(false);
  });

  it('are not asked for again with every child of a parent that has none', async () => {
    const { model, asked, clock } = await started();
    model.offer(exec({ pid: 10, path: '/bin/replaced', at: -400 }));
    await clock.advance(60_000);
    for (const pid of [11, 12]) model.offer(exec({ pid, ppid: 10, path: '/bin/a' }));
    expect(asked.filter(({ path }) => path === '/bin/replaced')).toHaveLength(1);
  });
});

describe('parentHashSource, of a parent that was running before anyone looked', () => {
  const seeded = (answer: () => ReturnType<HashClient['digest']> | Digests) => {
    const asked: DigestRequest[] = [];
    const clock = new FakeClock();
    const hasher = {
      digest: (request: DigestRequest) => {
        asked.push(request);
        const found = answer();
        return found && Promise.resolve(found);
      },
    };
    const source = parentHashSource(hasher, clock);
    const image = createImage({
      path: '/bin/daemon',
      comm: 'daemon',
      argv: undefined,
      execMs: undefined,
      exec: undefined,
    });
    const parent = { pid: 10, exitMs: undefined as number | undefined };
    const resolve = () => source.resolve(exec({ ppid: 10 }), { parent, parent_image: image });
    return { asked, clock, parent, resolve };
  };
  const fields = { parent_process_md5: 'md5 of daemon', parent_process_sha256: 'sha256 of daemon' };

  it('asks for what it runs now, once', async () => {
    const { asked, resolve } = seeded(() => Promise.resolve(digests('daemon')));
    expect(await Promise.all([resolve(), resolve()])).toEqual([fields, fields]);
    expect(resolve()).toEqual(fields);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ pid: 10, path: '/bin/daemon', files: [], execMs: undefined });
  });

  it('asks again after a while if there was no answer', async () => {
    let answer: Digests | undefined;
    const { asked, clock, resolve } = seeded(() => answer);
    expect(resolve()).toBeUndefined();
    answer = digests('daemon');
    expect(resolve()).toBeUndefined();
    expect(asked).toHaveLength(1);
    await clock.advance(30_000);
    expect(await resolve()).toEqual(fields);
  });

  it('does not ask when it has ended', () => {
    const { asked, parent, resolve } = seeded(() => digests('daemon'));
    parent.exitMs = 1;
    expect(resolve()).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
