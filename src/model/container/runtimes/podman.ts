import { isObject, parseJson, type RuntimeFiles, textIn } from '../runtime-files.ts';

const DEFAULT_ROOT = '/var/lib/containers/storage';

/** podman: the lists of containers and images in its storage, which storage.conf can move elsewhere. */
export const podman: RuntimeFiles = (id, read) => {
  const root = graphRoot(read('/etc/containers/storage.conf')) ?? DEFAULT_ROOT;
  const container = find(read(`${root}/overlay-containers/containers.json`), id);
  if (container === undefined) return undefined;
  const metadata = parseJson(Buffer.from(textIn(container, 'metadata') ?? '{}'));
  const imageId = textIn(container, 'image');
  const image = imageId === undefined ? undefined : find(read(`${root}/overlay-images/images.json`), imageId);
  const names = container.names;
  return {
    name: textIn(metadata, 'name') ?? (Array.isArray(names) ? names[0] : undefined),
    image: textIn(metadata, 'image-name'),
    imageDigest: image && textIn(image, 'digest'),
  };
};

const find = (bytes: Buffer | undefined, id: string) => {
  const list = parseJson(bytes);
  return Array.isArray(list) ? list.filter(isObject).find(entry => entry.id === id) : undefined;
};

/** `graphroot = "/…"` of storage.conf, which is TOML. */
const graphRoot = (bytes: Buffer | undefined): string | undefined =>
  /^\s*graphroot\s*=\s*"(\/[^"]*)"/m.exec(bytes?.toString() ?? '')?.[1];
