/** Functions that the kernel offers to BPF programs, by their numbers. Source: linux/bpf.h, ___BPF_FUNC_MAPPER. All are there since Linux 5.8. */
export const HELPERS = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  map_delete_elem: 3,
  ktime_get_ns: 5,
  get_current_pid_tgid: 14,
  get_current_uid_gid: 15,
  get_current_comm: 16,
  get_current_task: 35,
  get_current_cgroup_id: 80,
  probe_read_user: 112,
  probe_read_kernel: 113,
  probe_read_kernel_str: 115,
  ktime_get_boot_ns: 125,
  seq_write: 127,
  ringbuf_output: 130,
  ringbuf_reserve: 131,
  ringbuf_submit: 132,
} as const;

/**
 * For ringbuf_output and ringbuf_submit: the reader is not woken. A wake-up costs more than the program; the reader
 * comes by itself.
 */
export const BPF_RB_NO_WAKEUP = 1;
