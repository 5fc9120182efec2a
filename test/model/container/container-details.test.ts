import { describe, expect, it } from 'vitest';
import { type ContainerDetails, KnownContainers } from '../../../src/model/container/container-details.ts';
import { FakeClock } from '../fake-clock.ts';

const CONTAINER = { id: 'ab', runtime: 'docker', podUid: undefined } as const;
const DETAILS = { name: 'web' } as ContainerDetails;

describe('KnownContainers', () => {
  it('asks once for a container, however many events it has', async () => {
    let asked = 0;
    const containers = new KnownContainers(new FakeClock(), async () => {
      asked++;
      return DETAILS;
    });
    expect(await Promise.all([containers.find(CONTAINER), containers.find(CONTAINER)])).toEqual([
      DETAILS,
      DETAILS,
    ]);
    expect(containers.find(CONTAINER)).toBe(DETAILS);
    expect(asked).toBe(1);
  });

  it('asks some times more where the runtime has nothing yet, with time between', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const containers = new KnownContainers(clock, async () => {
      asked++;
      return undefined;
    });
    for (let second = 0; second < 60; second++) {
      await containers.find(CONTAINER);
      await clock.advance(1_000);
    }
    expect(asked).toBe(5);
  });

  it('adds what the runtime itself says, for whom comes later', async () => {
    const answer = Promise.withResolvers<ContainerDetails | undefined>();
    const more = { ...DETAILS, name: 'another', image: 'nginx' };
    const containers = new KnownContainers(
      new FakeClock(),
      async () => DETAILS,
      () => answer.promise,
    );
    expect(await containers.find(CONTAINER)).toEqual(DETAILS);
    answer.resolve(more);
    await answer.promise;
    expect(await containers.find(CONTAINER)).toMatchObject({ name: 'web', image: 'nginx' });
  });

  it('waits for no runtime that never answers', async () => {
    const never = new Promise<undefined>(() => {});
    const containers = new KnownContainers(
      new FakeClock(),
      async () => DETAILS,
      () => never,
    );
    expect(await containers.find(CONTAINER)).toEqual(DETAILS);
  });

  it('says nothing where it cannot be asked', () => {
    expect(new KnownContainers(new FakeClock(), () => undefined).find(CONTAINER)).toBeUndefined();
  });
});
