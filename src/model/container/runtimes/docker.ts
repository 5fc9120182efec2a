import { isObject, objectIn, parseJson, type RuntimeFiles, textIn } from '../runtime-files.ts';

const ROOT = '/var/lib/docker';

/** Docker: `containers/ID/config.v2.json`, and for an image's digest the list of pulled images. */
export const docker: RuntimeFiles = (id, read) => {
  const config = parseJson(read(`${ROOT}/containers/${id}/config.v2.json`));
  if (textIn(config, 'ID') !== id) return undefined;
  const settings = objectIn(config, 'Config');
  const labels = objectIn(settings, 'Labels');
  const imageId = textIn(config, 'Image');
  return {
    name: textIn(config, 'Name')?.replace(/^\//, ''),
    image: textIn(settings, 'Image'),
    imageDigest: textIn(objectIn(config, 'ImageManifest'), 'digest') ?? digestOf(imageId, read),
    podName: textIn(labels, 'io.kubernetes.pod.name'),
    podNamespace: textIn(labels, 'io.kubernetes.pod.namespace'),
  };
};

const digestOf = (imageId: string | undefined, read: (path: string) => Buffer | undefined) => {
  const file = ['overlay2', 'overlayfs', 'btrfs', 'zfs', 'vfs']
    .map(driver => read(`${ROOT}/image/${driver}/repositories.json`))
    .find(bytes => bytes !== undefined);
  const repositories = objectIn(parseJson(file), 'Repositories');
  for (const images of Object.values(repositories)) {
    if (!isObject(images)) continue;
    const name = Object.keys(images).find(key => key.includes('@sha256:') && images[key] === imageId);
    if (name !== undefined) return name.slice(name.indexOf('@') + 1);
  }
  return undefined;
};
