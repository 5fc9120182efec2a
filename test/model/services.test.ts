import { describe, expect, it } from 'vitest';
import { createLiveServices } from '../../src/model/services.ts';

describe('the services of a live host', () => {
  it('on Linux hear of forks from the kernel, and as events only where those are recorded', () => {
    const services = createLiveServices({ platform: 'linux' });
    expect(services.forkEvents).toBe(false);
    expect(services.openConnector).toBeTypeOf('function');
    expect(createLiveServices({ platform: 'linux', forkEvents: true }).forkEvents).toBe(true);
    expect(createLiveServices({ platform: 'linux', openConnector: null }).openConnector).toBeUndefined();
  });

  it('on macOS hear of forks as events, which OpenBSM always records', () => {
    const services = createLiveServices({ platform: 'darwin', forkEvents: false });
    expect(services.forkEvents).toBe(true);
    expect(services.openConnector).toBeUndefined();
  });
});
