/** Where a kernel describes its own types, if it does (CONFIG_DEBUG_INFO_BTF). */
export const KERNEL_BTF = '/sys/kernel/btf/vmlinux';
