import { capabilityMask, type ThreadPrivileges } from '../../src/runtime/capabilities.ts';
import type { PrivilegeCalls } from '../../src/runtime/keep-capabilities.ts';

export const EPERM = 1;
export const EINVAL = 22;
/** Every capability there is. */
export const ALL = (1n << 41n) - 1n;

export type CallName = 'bound' | 'capset' | 'raise' | 'securebits' | 'no-new-privs' | 'exec';

/** A kernel of which the main thread is modelled, and other threads that stay as they are until an exec. */
export class FakeKernel implements PrivilegeCalls {
  readonly said: string[] = [];
  readonly errnos: Partial<Record<CallName, number>>;
  readonly #others: readonly ThreadPrivileges[];
  readonly #isRoot: boolean;
  #isNoRoot = false;
  main: ThreadPrivileges;
  restarted = false;

  constructor(
    start: Partial<ThreadPrivileges>,
    options: { readonly errnos?: Partial<Record<CallName, number>>; readonly isRoot?: boolean } = {},
  ) {
    this.main = {
      inheritable: 0n,
      permitted: 0n,
      effective: 0n,
      bounding: ALL,
      ambient: 0n,
      noNewPrivileges: false,
      ...start,
    };
    this.#others = [this.main, this.main];
    this.errnos = options.errnos ?? {};
    this.#isRoot = options.isRoot ?? true;
  }

  readonly threads = (): readonly ThreadPrivileges[] => [this.main, ...this.#others];

  readonly prctl = (option: number, second: number, third: number): number => {
    const { main } = this;
    const maySet = (main.effective & capabilityMask(['CAP_SETPCAP'])) !== 0n;
    switch (option) {
      case 24:
        return this.#do('bound', maySet, { bounding: main.bounding & ~(1n << BigInt(second)) }, second);
      case 28:
        this.#isNoRoot = maySet && second === 3;
        return this.#do('securebits', maySet, {});
      case 38:
        return this.#do('no-new-privs', second === 1, { noNewPrivileges: true });
      case 47: {
        if (second === 4) {
          this.main = { ...main, ambient: 0n };
          return 0;
        }
        const bit = 1n << BigInt(third);
        const may = (main.permitted & main.inheritable & bit) !== 0n;
        return this.#do('raise', may, { ambient: main.ambient | bit }, third);
      }
      default:
        return EINVAL;
    }
  };

  readonly capset = (sets: Uint8Array): number => {
    const words = [...new Uint32Array(sets.buffer)].map(BigInt);
    const [effective, permitted, inheritable] = [0, 1, 2].map(i => words[i]! | (words[i + 3]! << 32n)) as [
      bigint,
      bigint,
      bigint,
    ];
    const may = (permitted & ~this.main.permitted) === 0n && (effective & ~permitted) === 0n;
    const ambient = this.main.ambient & permitted & inheritable;
    return this.#do('capset', may, { effective, permitted, inheritable, ambient });
  };

  readonly wasRestarted = (): boolean => this.restarted;

  /** As capabilities(7) has it for a program file without capabilities. Throws, as what called it is no more. */
  readonly restart = (): number => {
    const errno = this.#do('exec', true, {});
    if (errno !== 0) return errno;
    const { ambient, bounding, inheritable, permitted } = this.main;
    const gained = this.#isRoot && !this.#isNoRoot ? (inheritable | bounding) & permitted : ambient;
    this.main = { ...this.main, permitted: gained, effective: gained };
    (this.#others as ThreadPrivileges[]).fill(this.main);
    this.restarted = true;
    throw new Restarted();
  };

  #do(name: CallName, may: boolean, change: Partial<ThreadPrivileges>, number?: number): number {
    const errno = this.errnos[name] ?? (may ? 0 : EPERM);
    if (errno === 0) this.main = { ...this.main, ...change };
    this.said.push(number === undefined ? name : `${name} ${number}`);
    return errno;
  }
}

/** What called `restart` is no more. */
export class Restarted extends Error {}
