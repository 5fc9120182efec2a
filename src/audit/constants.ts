/** Numbers of the audit protocol by their official names. Source: linux/audit.h, linux/elf-em.h, linux/netlink.h. */

export const NETLINK_AUDIT = 9;
/** Multicast group that carries a copy of every record. */
export const AUDIT_NLGRP_READLOG = 1;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** Bytes of a nlmsghdr. */
export const NLMSG_HDRLEN = 16;

export const AUDIT_GET = 1000;
export const AUDIT_SET = 1001;
export const AUDIT_LOGIN = 1006;
export const AUDIT_ADD_RULE = 1011;
export const AUDIT_DEL_RULE = 1012;
export const AUDIT_LIST_RULES = 1013;
export const AUDIT_MAKE_EQUIV = 1015;

export const AUDIT_FIRST_USER_MSG = 1100;
export const AUDIT_LAST_USER_MSG = 1199;
export const AUDIT_CONFIG_CHANGE = 1305;
export const AUDIT_FIRST_USER_MSG2 = 2100;
export const AUDIT_LAST_USER_MSG2 = 2999;

export const AUDIT_SYSCALL = 1300;
export const AUDIT_PATH = 1302;
export const AUDIT_SOCKETCALL = 1304;
export const AUDIT_SOCKADDR = 1306;
export const AUDIT_CWD = 1307;
export const AUDIT_EXECVE = 1309;
export const AUDIT_OBJ_PID = 1318;
export const AUDIT_EOE = 1320;
export const AUDIT_BPRM_FCAPS = 1321;
export const AUDIT_SECCOMP = 1326;
export const AUDIT_PROCTITLE = 1327;
export const AUDIT_REPLACE = 1329;
export const AUDIT_URINGOP = 1336;
export const AUDIT_OPENAT2 = 1337;

/** Reports of SELinux, AppArmor and Smack about an access. */
export const AUDIT_AVC = 1400;
export const AUDIT_MAC_UNLBL_STCDEL = 1417;
/** AppArmor's own types, from kernels that did not yet write AUDIT_AVC. */
export const AUDIT_APPARMOR = 1500;
export const AUDIT_APPARMOR_KILL = 1507;

/** audit_status.failure: the kernel's reaction when it cannot deliver a record. */
export const AUDIT_FAIL_SILENT = 0;
export const AUDIT_FAIL_PANIC = 2;
/** audit_status.enabled: on, and unchangeable until the next boot. */
export const AUDIT_LOCKED = 2;

export const AUDIT_FILTER_EXIT = 0x04;
export const AUDIT_FILTER_EXCLUDE = 0x05;
/** For io_uring operations, by their number in the rule's mask; since Linux 5.16. */
export const AUDIT_FILTER_URING_EXIT = 0x07;
export const AUDIT_FILTER_PREPEND = 0x10;
export const AUDIT_NEVER = 0;
export const AUDIT_ALWAYS = 2;
export const AUDIT_MAX_FIELDS = 64;
export const AUDIT_BITMASK_SIZE = 64;

export const AUDIT_PID = 0;
export const AUDIT_UID = 1;
export const AUDIT_LOGINUID = 9;
export const AUDIT_ARCH = 11;
export const AUDIT_MSGTYPE = 12;
export const AUDIT_EXIT = 103;
export const AUDIT_SUCCESS = 104;
export const AUDIT_WATCH = 105;
export const AUDIT_DIR = 107;
export const AUDIT_EXE = 112;
export const AUDIT_ARG0 = 200;
export const AUDIT_ARG1 = 201;
export const AUDIT_ARG2 = 202;
export const AUDIT_ARG3 = 203;
export const AUDIT_FILTERKEY = 210;
export const AUDIT_EQUAL = 0x40000000;
export const AUDIT_NOT_EQUAL = 0x30000000;
/** Flag for any of the bits. */
export const AUDIT_BIT_MASK = 0x08000000;

/** audit_status.feature_bitmap: the exclude list supports other fields than the record's type. */
export const AUDIT_FEATURE_BITMAP_EXCLUDE_EXTEND = 0x08;

/** Error numbers in records. They are Linux's, whatever host reads them. Source: asm-generic/errno.h. */
export const EINTR = 4;
export const EAGAIN = 11;
export const EINPROGRESS = 115;
