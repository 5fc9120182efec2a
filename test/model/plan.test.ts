import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../src/model/model-error.ts';
import { planSources } from '../../src/model/plan.ts';
import type { DataSource, FieldUse } from '../../src/model/source.ts';

const source = (
  name: string,
  provides: Record<string, FieldUse>,
  needs: readonly string[] = [],
  phase: 'event' | 'later' = 'event',
): DataSource => ({ name, provides, needs, phase, resolve: () => undefined });

const errorOf = (sources: readonly DataSource[], wanted?: readonly string[]): ModelError => {
  try {
    planSources(sources, wanted);
  } catch (error) {
    if (error instanceof ModelError) return error;
  }
  throw new Error('expected a ModelError');
};

describe('planSources', () => {
  it('asks providers before those who need them, whatever the order of declaration', () => {
    const { event } = planSources([
      source('c', { c: 'output' }, ['b']),
      source('b', { b: 'internal' }, ['a']),
      source('a', { a: 'output' }),
    ]);
    expect(event.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('keeps the declared order among sources that do not need each other', () => {
    const { sources } = planSources([source('y', { y: 'output' }), source('x', { x: 'output' })]);
    expect(sources.map(({ name }) => name)).toEqual(['y', 'x']);
  });

  it('tells later sources which later steps they wait for', () => {
    const { later } = planSources([
      source('second', { s: 'output' }, ['f', 'e'], 'later'),
      source('first', { f: 'output' }, ['e'], 'later'),
      source('event', { e: 'internal' }),
    ]);
    expect(later.map(({ source: { name }, after }) => ({ name, after }))).toEqual([
      { name: 'first', after: [] },
      { name: 'second', after: [0] },
    ]);
  });

  it('refuses more later sources than an event can wait for', () => {
    const later = (count: number) =>
      Array.from({ length: count }, (_, i) => source(`s${i}`, { [`f${i}`]: 'output' }, [], 'later'));
    expect(planSources(later(30)).later).toHaveLength(30);
    expect(errorOf(later(31))).toMatchObject({ code: 'too-many-sources' });
  });

  it('leaves out sources that serve no wanted field, and keeps those that serve one through others', () => {
    const { sources, fields } = planSources(
      [
        source('a', { a: 'internal' }),
        source('b', { b: 'output', b2: 'output' }, ['a']),
        source('c', { c: 'output' }),
      ],
      ['b'],
    );
    expect(sources.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(fields).toEqual(['a', 'b', 'b2']);
  });

  it('leaves out a source whose fields are all internal and unused', () => {
    const { sources } = planSources([source('a', { a: 'internal' }), source('b', { b: 'output' })]);
    expect(sources.map(({ name }) => name)).toEqual(['b']);
  });

  it('names both sources of a field provided twice', () => {
    const error = errorOf([source('one', { x: 'output' }), source('two', { x: 'output' })]);
    expect(error.code).toBe('duplicate-field');
    expect(error.message).toBe("data sources 'one' and 'two' both provide 'x'; a field has one provider");
  });

  it('refuses two sources of one name', () => {
    expect(errorOf([source('one', { x: 'output' }), source('one', { y: 'output' })]).code).toBe(
      'duplicate-source',
    );
  });

  it('names the source and the field that is missing', () => {
    const error = errorOf([source('one', { x: 'output' }, ['nowhere'])]);
    expect(error.code).toBe('missing-field');
    expect(error.message).toBe("data source 'one' needs 'nowhere', which no source provides");
  });

  it('shows the circle of sources that need each other', () => {
    const error = errorOf([
      source('a', { a: 'output' }, ['c']),
      source('b', { b: 'output' }, ['a']),
      source('c', { c: 'output' }, ['b']),
    ]);
    expect(error.code).toBe('cycle');
    expect(error.message).toContain("'a' needs 'c' needs 'b' needs 'a'");
  });

  it('refuses a source that needs its own field', () => {
    expect(errorOf([source('a', { a: 'output' }, ['a'])]).code).toBe('cycle');
  });

  it('refuses a source of event time that needs what comes later', () => {
    const error = errorOf([
      source('slow', { s: 'output' }, [], 'later'),
      source('fast', { f: 'output' }, ['s']),
    ]);
    expect(error.code).toBe('order');
    expect(error.message).toContain("'fast' answers at event time but needs 's'");
  });

  it.each([['nothing'], ['inner']])('refuses %s as a wanted field and lists those there are', name => {
    const error = errorOf([source('a', { x: 'output', inner: 'internal', y: 'output' })], [name]);
    expect(error.code).toBe('unknown-field');
    expect(error.message).toBe(`no field '${name}'; there are: x, y`);
  });

  it('orders any acyclic graph', () => {
    // Source i may need fields of sources before it only; declared in any order.
    const graphs = fc.integer({ min: 1, max: 12 }).chain(size =>
      fc.record({
        needs: fc.tuple(
          ...Array.from({ length: size }, (_, i) =>
            i === 0 ? fc.constant([]) : fc.uniqueArray(fc.integer({ min: 0, max: i - 1 })),
          ),
        ),
        order: fc.shuffledSubarray(
          Array.from({ length: size }, (_, i) => i),
          { minLength: size, maxLength: size },
        ),
      }),
    );
    fc.assert(
      fc.property(graphs, ({ needs, order }) => {
        const sources = order.map(i =>
          source(
            `s${i}`,
            { [`f${i}`]: 'output' },
            needs[i]!.map(j => `f${j}`),
            'later',
          ),
        );
        const { later } = planSources(sources);
        expect(later).toHaveLength(sources.length);
        const seen = new Set<string>();
        later.forEach(({ source: { provides, needs: fields }, after }, position) => {
          for (const field of fields) expect(seen).toContain(field);
          for (const before of after) expect(before).toBeLessThan(position);
          for (const field of Object.keys(provides)) seen.add(field);
        });
      }),
    );
  });
});
