/** What the choice depends on. */
export interface NodeHost {
  /** Version of the running Node, as in `process.versions.node`. */
  readonly version: string;
  /** Path of its executable. */
  readonly execPath: string;
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly arch: string;
  /** Absolute path of the project. */
  readonly root: string;
  /** The version that package.json pins, with which everything is tested. */
  readonly needed: string;
}

/** The path of a Node, or a sentence that says what is missing. */
export type ChosenNode =
  | { readonly path: string; readonly missing?: undefined }
  | { readonly path?: undefined; readonly missing: string };

type Exists = (path: string) => boolean;

/**
 * The Node to run the sources with: the running one if it is at least as new as the pinned one, else the pinned one,
 * which `npm ci` installs.
 */
export declare const chooseNode: (host: NodeHost, exists?: Exists) => ChosenNode;

/** A sentence that says why the Node at `path` could not be started. */
export declare const startFailure: (path: string, error: NodeJS.ErrnoException, exists?: Exists) => string;
