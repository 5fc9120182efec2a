import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { cachedHostName, hostSource } from '../../../src/model/sources/host.ts';
import { FakeClock } from '../fake-clock.ts';
import { exec } from '../process-events.ts';

describe('hostSource', () => {
  it("gives the host's name, and notices a new one", async () => {
    const clock = new FakeClock();
    let name = 'web1';
    const source = hostSource(cachedHostName(clock, () => name));
    expect(source.resolve(exec(), {})).toEqual({ host_name: 'web1' });
    name = 'web2';
    expect(source.resolve(exec(), {})).toEqual({ host_name: 'web1' });
    await clock.advance(10_000);
    expect(source.resolve(exec(), {})).toEqual({ host_name: 'web2' });
    name = '';
    await clock.advance(10_000);
    expect(source.resolve(exec(), {})).toEqual({ host_name: undefined });
  });

  it('asks the system unless told otherwise', () => {
    expect(cachedHostName(new FakeClock())()).toBe(hostname());
  });
});
