/**
 * BSM error numbers, which are Solaris' numbers with additions, and macOS's name and number of the same error. The
 * kernel translates its own numbers when it writes a record.
 *
 * Sources: OpenBSM, bsm/audit_errno.h; macOS, sys/errno.h. Errors that macOS does not have are left out.
 */
const DARWIN_ERRNO: ReadonlyMap<number, { readonly name: string; readonly errno: number }> = new Map([
  [1, { name: 'EPERM', errno: 1 }],
  [2, { name: 'ENOENT', errno: 2 }],
  [3, { name: 'ESRCH', errno: 3 }],
  [4, { name: 'EINTR', errno: 4 }],
  [5, { name: 'EIO', errno: 5 }],
  [6, { name: 'ENXIO', errno: 6 }],
  [7, { name: 'E2BIG', errno: 7 }],
  [8, { name: 'ENOEXEC', errno: 8 }],
  [9, { name: 'EBADF', errno: 9 }],
  [10, { name: 'ECHILD', errno: 10 }],
  [11, { name: 'EAGAIN', errno: 35 }],
  [12, { name: 'ENOMEM', errno: 12 }],
  [13, { name: 'EACCES', errno: 13 }],
  [14, { name: 'EFAULT', errno: 14 }],
  [15, { name: 'ENOTBLK', errno: 15 }],
  [16, { name: 'EBUSY', errno: 16 }],
  [17, { name: 'EEXIST', errno: 17 }],
  [18, { name: 'EXDEV', errno: 18 }],
  [19, { name: 'ENODEV', errno: 19 }],
  [20, { name: 'ENOTDIR', errno: 20 }],
  [21, { name: 'EISDIR', errno: 21 }],
  [22, { name: 'EINVAL', errno: 22 }],
  [23, { name: 'ENFILE', errno: 23 }],
  [24, { name: 'EMFILE', errno: 24 }],
  [25, { name: 'ENOTTY', errno: 25 }],
  [26, { name: 'ETXTBSY', errno: 26 }],
  [27, { name: 'EFBIG', errno: 27 }],
  [28, { name: 'ENOSPC', errno: 28 }],
  [29, { name: 'ESPIPE', errno: 29 }],
  [30, { name: 'EROFS', errno: 30 }],
  [31, { name: 'EMLINK', errno: 31 }],
  [32, { name: 'EPIPE', errno: 32 }],
  [33, { name: 'EDOM', errno: 33 }],
  [34, { name: 'ERANGE', errno: 34 }],
  [35, { name: 'ENOMSG', errno: 91 }],
  [36, { name: 'EIDRM', errno: 90 }],
  [45, { name: 'EDEADLK', errno: 11 }],
  [46, { name: 'ENOLCK', errno: 77 }],
  [47, { name: 'ECANCELED', errno: 89 }],
  [48, { name: 'ENOTSUP', errno: 45 }],
  [49, { name: 'EDQUOT', errno: 69 }],
  [58, { name: 'EOWNERDEAD', errno: 105 }],
  [59, { name: 'ENOTRECOVERABLE', errno: 104 }],
  [60, { name: 'ENOSTR', errno: 99 }],
  [61, { name: 'ENODATA', errno: 96 }],
  [62, { name: 'ETIME', errno: 101 }],
  [63, { name: 'ENOSR', errno: 98 }],
  [66, { name: 'EREMOTE', errno: 71 }],
  [67, { name: 'ENOLINK', errno: 97 }],
  [71, { name: 'EPROTO', errno: 100 }],
  [74, { name: 'EMULTIHOP', errno: 95 }],
  [77, { name: 'EBADMSG', errno: 94 }],
  [78, { name: 'ENAMETOOLONG', errno: 63 }],
  [79, { name: 'EOVERFLOW', errno: 84 }],
  [88, { name: 'EILSEQ', errno: 92 }],
  [89, { name: 'ENOSYS', errno: 78 }],
  [90, { name: 'ELOOP', errno: 62 }],
  [93, { name: 'ENOTEMPTY', errno: 66 }],
  [94, { name: 'EUSERS', errno: 68 }],
  [95, { name: 'ENOTSOCK', errno: 38 }],
  [96, { name: 'EDESTADDRREQ', errno: 39 }],
  [97, { name: 'EMSGSIZE', errno: 40 }],
  [98, { name: 'EPROTOTYPE', errno: 41 }],
  [99, { name: 'ENOPROTOOPT', errno: 42 }],
  [120, { name: 'EPROTONOSUPPORT', errno: 43 }],
  [121, { name: 'ESOCKTNOSUPPORT', errno: 44 }],
  [122, { name: 'EOPNOTSUPP', errno: 102 }],
  [123, { name: 'EPFNOSUPPORT', errno: 46 }],
  [124, { name: 'EAFNOSUPPORT', errno: 47 }],
  [125, { name: 'EADDRINUSE', errno: 48 }],
  [126, { name: 'EADDRNOTAVAIL', errno: 49 }],
  [127, { name: 'ENETDOWN', errno: 50 }],
  [128, { name: 'ENETUNREACH', errno: 51 }],
  [129, { name: 'ENETRESET', errno: 52 }],
  [130, { name: 'ECONNABORTED', errno: 53 }],
  [131, { name: 'ECONNRESET', errno: 54 }],
  [132, { name: 'ENOBUFS', errno: 55 }],
  [133, { name: 'EISCONN', errno: 56 }],
  [134, { name: 'ENOTCONN', errno: 57 }],
  [143, { name: 'ESHUTDOWN', errno: 58 }],
  [144, { name: 'ETOOMANYREFS', errno: 59 }],
  [145, { name: 'ETIMEDOUT', errno: 60 }],
  [146, { name: 'ECONNREFUSED', errno: 61 }],
  [147, { name: 'EHOSTDOWN', errno: 64 }],
  [148, { name: 'EHOSTUNREACH', errno: 65 }],
  [149, { name: 'EALREADY', errno: 37 }],
  [150, { name: 'EINPROGRESS', errno: 36 }],
  [151, { name: 'ESTALE', errno: 70 }],
  [152, { name: 'EQFULL', errno: 106 }],
  [190, { name: 'EPROCLIM', errno: 67 }],
  [191, { name: 'EBADRPC', errno: 72 }],
  [192, { name: 'ERPCMISMATCH', errno: 73 }],
  [193, { name: 'EPROGUNAVAIL', errno: 74 }],
  [194, { name: 'EPROGMISMATCH', errno: 75 }],
  [195, { name: 'EPROCUNAVAIL', errno: 76 }],
  [196, { name: 'EFTYPE', errno: 79 }],
  [197, { name: 'EAUTH', errno: 80 }],
  [198, { name: 'ENEEDAUTH', errno: 81 }],
  [199, { name: 'ENOATTR', errno: 93 }],
  [204, { name: 'EPWROFF', errno: 82 }],
  [205, { name: 'EDEVERR', errno: 83 }],
  [206, { name: 'EBADEXEC', errno: 85 }],
  [207, { name: 'EBADARCH', errno: 86 }],
  [208, { name: 'ESHLIBVERS', errno: 87 }],
  [209, { name: 'EBADMACHO', errno: 88 }],
  [210, { name: 'EPOLICY', errno: 103 }],
]);

/**
 * BSM_ERRNO_EINTR, …EAGAIN and …EINPROGRESS. After a signal a connect continues; the other two are no failures of a
 * non-blocking socket.
 */
export const BSM_EINTR = 4;
export const BSM_EAGAIN = 11;
export const BSM_EINPROGRESS = 150;

/**
 * The macOS errno of a BSM error number. It does not depend on the machine that reads the trail, because macOS wrote
 * it.
 *
 * @returns the number itself if macOS has no such error: a failure must not become a success
 */
export const darwinErrno = (bsmErrno: number): number => DARWIN_ERRNO.get(bsmErrno)?.errno ?? bsmErrno;

/** `ECONNREFUSED` for 146; undefined for 0 and for errors that macOS does not have. */
export const bsmErrnoName = (bsmErrno: number): string | undefined => DARWIN_ERRNO.get(bsmErrno)?.name;
