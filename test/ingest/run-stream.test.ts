import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ProcessSink } from '../../src/ingest/process-feed.ts';
import { runStream, type StreamOptions } from '../../src/ingest/run-stream.ts';
import { exec, fork } from '../model/process-events.ts';

const setUp = (options: Partial<StreamOptions> = {}) => {
  const output = new PassThrough();
  const lines: string[] = [];
  output.on('data', data => lines.push(`${data}`));
  const warnings: string[] = [];
  const abort = new AbortController();
  const run = (feed: StreamOptions['feed']) =>
    runStream({
      origin: 'replay',
      feed,
      fields: [],
      pretty: false,
      output,
      warn: message => warnings.push(message),
      signal: abort.signal,
      ...options,
    });
  return { run, abort, warnings, text: () => lines.join('') };
};

const two = async (sink: ProcessSink): Promise<void> => {
  sink.offer(exec({ pid: 10, path: '/bin/sh', argv: ['sh'] }));
  sink.offer(fork(11, 10, 1));
  sink.offer(exec({ pid: 11, ppid: 10, path: '/bin/ls', argv: ['ls', '-l'], at: 5 }));
};

describe('runStream', () => {
  it('writes an event a line, with every column of the table', async () => {
    const { run, text, warnings } = setUp();
    expect(await run(two)).toBe(0);
    const lines = text().split('\n');
    expect(lines).toHaveLength(3);
    const second = JSON.parse(lines[1]!) as Record<string, unknown>;
    expect(Object.keys(second).slice(0, 3)).toEqual(['timestamp', 'host_name', 'user_uid']);
    expect(second).toMatchObject({
      timestamp: '2024-05-21T12:00:00.005Z',
      user_uid: 0,
      host_name: null,
      process_pid: 11,
      argv: ['ls', '-l'],
      parent_process_path: '/bin/sh',
      parent_process_timestamp: '2024-05-21T12:00:00.000Z',
    });
    expect(second).not.toHaveProperty('eid');
    expect(warnings).toEqual([]);
  });

  it('writes the chosen fields only', async () => {
    const { run, text } = setUp({ fields: ['process_pid', 'process_name'] });
    await run(two);
    expect(text()).toBe('{"process_pid":10,"process_name":"sh"}\n{"process_pid":11,"process_name":"ls"}\n');
  });

  it('refuses a field that does not exist before anything starts', async () => {
    const { run } = setUp({ fields: ['pid'] });
    let fed = false;
    const feed = async () => {
      fed = true;
    };
    await expect(run(feed)).rejects.toThrow(/^no field 'pid'; there are: /);
    expect(fed).toBe(false);
  });

  it('writes for people', async () => {
    const { run, text } = setUp({ fields: ['process_pid'], pretty: true });
    await run(two);
    expect(text()).toBe('{\n  "process_pid": 10\n}\n{\n  "process_pid": 11\n}\n');
  });

  it('waits no longer for a slow source than it is told to', async () => {
    const { run, text } = setUp({
      origin: 'live',
      fields: ['process_pid', 'user_name'],
      limits: { budgetMs: 1 },
      services: { openConnector: null, passwdPath: '/dev/null', askNss: () => new Promise(() => {}) },
    });
    let written = '';
    await run(async sink => {
      sink.offer(exec({ pid: 10 }));
      // The feed goes on: only the budget lets the event go.
      for (let turns = 0; written === '' && turns < 1000; turns++) {
        await new Promise(resolve => setTimeout(resolve, 1));
        written = text();
      }
    });
    expect(written).toBe('{"process_pid":10,"user_name":null}\n');
  });

  it('stops its feed when told to, and writes what it has', async () => {
    const { run, abort, text } = setUp({ fields: ['process_pid'] });
    const status = await run(async (sink, signal) => {
      await two(sink);
      abort.abort();
      expect(signal.aborted).toBe(true);
    });
    expect(status).toBe(0);
    expect(text()).toBe('{"process_pid":10}\n{"process_pid":11}\n');
  });

  it('does not start its feed when told to stop before', async () => {
    const { run, abort } = setUp();
    abort.abort();
    expect(await run(() => Promise.reject(new Error('started')))).toBe(0);
  });

  it.each([
    ['EPIPE', 0],
    ['ENOSPC', 1],
  ])('stops its feed when writing fails with %s', async (code, expected) => {
    const output = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('cannot write'), { code })),
    });
    const { run, warnings } = setUp({ output, fields: ['process_pid'] });
    const status = await run(async (sink, signal) => {
      await two(sink);
      await new Promise(resolve => signal.addEventListener('abort', resolve));
    });
    expect(status).toBe(expected);
    if (expected === 1) expect(warnings).toEqual(['writing the events failed: cannot write']);
    else expect(warnings).toEqual([]);
  });

  it('says how many events a slow reader missed', async () => {
    const output = new Writable({ highWaterMark: 1, write: () => {} });
    const { run, warnings, abort } = setUp({ output, fields: ['process_command_line'] });
    const argv = ['x'.repeat(4_000_000)];
    let hadRoom: boolean | undefined;
    await run(async sink => {
      for (let pid = 1; pid <= 6; pid++) sink.offer(exec({ pid, argv }));
      hadRoom = sink.room() === undefined;
      abort.abort();
    });
    expect(hadRoom).toBe(false);
    expect(warnings).toEqual(['the reader is too slow: 2 events were left out (2 in all)']);
  });

  it('passes on why its feed broke, after writing what came before', async () => {
    const { run, text } = setUp({ fields: ['process_pid'] });
    const feed = async (sink: ProcessSink) => {
      await two(sink);
      throw new Error('no audit');
    };
    await expect(run(feed)).rejects.toThrow('no audit');
    expect(text()).toBe('{"process_pid":10}\n{"process_pid":11}\n');
  });
});
