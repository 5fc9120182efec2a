import type { Detection } from './detection.ts';
import { allOf, anyOf, EXECUTIONS, globs, list, PROCESS } from './sql.ts';

/** Out of a container, and into one with the rights of the host. */
export const containerDetections: readonly Detection[] = [
  {
    name: 'container_escape',
    pack: 'detections',
    description:
      'A tool by which one leaves a container: nsenter into the host, a mount of a disk or a container runtime inside one, release_agent, core_pattern, or the socket of the engine.',
    attack: ['T1611'],
    interval: 60,
    falsePositives:
      'kubectl debug node, and agents in privileged containers that nsenter into the host on purpose.',
    exclude: "AND t.container_name NOT LIKE 'node-agent%'",
    query: {
      select: [...PROCESS, 't.container_id', 't.container_image'],
      from: EXECUTIONS,
      where: [
        anyOf(
          allOf(
            "t.process_name = 'nsenter'",
            globs('t.process_command_line', '* -t *1 *', '* -t1 *', '* --target*1 *', '*=/proc/1/ns/*'),
          ),
          allOf(
            `t.process_name IN ${list('mount', 'debugfs', 'losetup')}`,
            "t.process_command_line GLOB '*/dev/[svxnd]*'",
            "t.container_id <> ''",
          ),
          allOf(
            `t.process_name IN ${list('runc', 'crun', 'ctr', 'crictl', 'docker', 'podman', 'nerdctl', 'kubectl', 'nsenter', 'unshare', 'capsh', 'insmod', 'kmod')}`,
            "t.container_id <> ''",
          ),
          globs(
            't.process_command_line',
            '*release_agent*',
            '*/proc/sys/kernel/core_pattern*',
            '*kernel.core_pattern=|*',
            '*/sys/kernel/uevent_helper*',
            '*/sys/fs/cgroup*/notify_on_release*',
            '* /proc/1/root*',
            '*chroot /host*',
          ),
          allOf(
            `t.process_name IN ${list('curl', 'wget', 'socat', 'nc.openbsd')}`,
            globs(
              't.process_command_line',
              '*docker.sock*',
              '*containerd.sock*',
              '*crio.sock*',
              '*podman.sock*',
            ),
          ),
        ),
        // The first process in a container, under the name that runc gives it until it executes the container's program.
        "coalesce(t.parent_process_name, '') NOT IN ('runc', 'crun')",
      ],
    },
  },
  {
    name: 'privileged_container',
    pack: 'detections',
    description:
      'A container was started with the rights of the host: --privileged, the namespaces or devices of the host, or its root directory.',
    attack: ['T1610', 'T1611'],
    interval: 60,
    falsePositives:
      'Agents that are meant to run that way (node exporters, storage and network plugins), and builds of images in containers.',
    exclude: "AND t.process_command_line NOT LIKE '%quay.io/prometheus/node-exporter%'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('docker', 'podman', 'nerdctl', 'ctr', 'crictl')}`,
        globs('t.process_command_line', '* run *', '* create *', '* exec *'),
        globs(
          't.process_command_line',
          '* --privileged*',
          '* --pid*host*',
          '* --cap-add*SYS_ADMIN*',
          '* --cap-add*ALL*',
          '* --cap-add*all*',
          '* --security-opt*unconfined*',
          '* -v /:*',
          '* --volume*[= ]/:*',
          '*source=/,*',
          '*src=/,*',
          '* --device*/dev/[svxn]d*',
          '*docker.sock:*',
        ),
      ],
    },
  },
];
