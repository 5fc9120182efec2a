/** What there is to choose from. */
export interface NodeHost {
  /** Of the Node that runs now, as `process.versions.node` gives it. */
  readonly version: string;
  /** Its file. */
  readonly execPath: string;
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly arch: string;
  /** Absolute path of the project. */
  readonly root: string;
  /** The version that package.json pins, which is the one that everything is tested with. */
  readonly needed: string;
}

/** A Node's file, or in words what is missing. */
export type ChosenNode =
  | { readonly path: string; readonly missing?: undefined }
  | { readonly path?: undefined; readonly missing: string };

type Exists = (path: string) => boolean;

/**
 * The Node to run the sources with: the one that runs now if it is at least as new as the pinned one, else the pinned
 * one, which `npm ci` installs.
 */
export declare const chooseNode: (host: NodeHost, exists?: Exists) => ChosenNode;

/** In words, why the Node in the file `path` could not be started. */
export declare const startFailure: (path: string, error: NodeJS.ErrnoException, exists?: Exists) => string;
